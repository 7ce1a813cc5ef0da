/** The records of a feed in JSON: objects in a list, of which a few members matter. */
import { FeedError } from "../feed.ts";
import type { FeedEntries } from "./feed_entries.ts";
import type { FormatOptions, FormatReader } from "./format_reader.ts";
import { type JsonScalar, type JsonVisitor, JsonWalker } from "./json_walker.ts";

/** The members of a record that its form names, by name; an absent one is `undefined`. */
export type JsonRecord = Readonly<Record<string, JsonScalar | undefined>>;

/** A form of JSON feeds. */
export interface JsonForm {
  /**
   * Where the records are, as paths of `JsonVisitor`: `[]` the items of the document, `.data[]`
   * those of its member `data`, "" each of many documents.
   */
  readonly records: readonly string[];
  /** The members that are read. */
  readonly members: readonly string[];
  /** Makes what reads a record; it may keep count. */
  readonly reader: (entries: FeedEntries, options: FormatOptions) => (record: JsonRecord) => void;
}

/** Calls the form's reader for each record. */
export class JsonRecordReader implements FormatReader, JsonVisitor {
  readonly unit = "records";
  readonly #walker: JsonWalker;
  readonly #read: (record: JsonRecord) => void;
  readonly #records: ReadonlySet<string>;
  /** Paths of the lists that hold records. */
  readonly #lists: ReadonlySet<string>;
  /** The names of the members that are read, by their paths. */
  readonly #members: ReadonlyMap<string, string>;
  #record: Record<string, JsonScalar | undefined> = {};
  #isFound = false;

  constructor(readonly form: JsonForm, readonly entries: FeedEntries, options: FormatOptions) {
    const { records, members } = form;
    this.#walker = new JsonWalker(this, records.includes(""));
    this.#read = form.reader(entries, options);
    this.#records = new Set(records);
    this.#lists = new Set(
      records.filter((path) => path.endsWith("[]")).map((path) => path.slice(0, -2)),
    );
    this.#members = new Map(
      records.flatMap((path) => members.map((name) => [`${path}.${name}`, name] as const)),
    );
  }

  block(bytes: Uint8Array): void {
    this.#walker.block(bytes);
  }

  end(): void {
    this.#walker.end();
    if (this.#isFound) return;
    const names = [...this.#lists].map((path) => path === "" ? "list" : `"${path.slice(1)}"`);
    throw new FeedError(`has no ${names.join(" and no ") || "records"} in its JSON`);
  }

  enter(path: string, isArray: boolean): void {
    if (isArray && this.#lists.has(path)) this.#isFound = true;
    if (!this.#records.has(path)) return;
    this.#isFound = true;
    if (isArray) this.entries.refuse("malformed");
    else this.#record = {};
  }

  leave(path: string, isArray: boolean): void {
    if (!isArray && this.#records.has(path)) this.#read(this.#record);
  }

  scalar(path: string, value: JsonScalar): void {
    const name = this.#members.get(path);
    if (name !== undefined) this.#record[name] = value;
    else if (this.#records.has(path)) this.entries.refuse("malformed");
    // Go writes a list without items as null, and so does CrowdSec.
    else if (value === null && this.#lists.has(path)) this.#isFound = true;
  }
}
