/** What `--json` printed, held against the files in `docs/json/`. */
import { deepEqual, equal, fail } from "node:assert/strict";
import { join } from "node:path";
import * as z from "zod";
import { SCHEMA_DIRECTORY } from "../../cli/json/write_schemas.ts";
import { schemaFileName } from "../../cli/json/schemas.ts";

const schemas = new Map<string, z.ZodType>();

/** The schema of a command, as its published file has it. */
function publishedSchema(command: string): z.ZodType {
  const known = schemas.get(command);
  if (known) return known;
  const file = join(SCHEMA_DIRECTORY, schemaFileName(command));
  const schema = z.fromJSONSchema(JSON.parse(Deno.readTextFileSync(file)));
  schemas.set(command, schema);
  return schema;
}

/** Fails unless the text is one document (with a line's end after it) that fits the schema. */
export function requireDocument(command: string, text: string): unknown {
  const document: unknown = JSON.parse(text);
  equal(text.endsWith("\n"), true, `pfw ${command}: the last line has an end`);
  const { success, error, data } = publishedSchema(command).safeParse(document);
  if (!success) fail(`pfw ${command}: ${z.prettifyError(error)}\n${text.slice(0, 2000)}`);
  deepEqual(data, document, "nothing is left out");
  requireStrictness(command, document);
  return document;
}

/** A schema that would take anything tells nothing: no field may be added, none that is named go. */
function requireStrictness(command: string, document: unknown): void {
  const schema = publishedSchema(command);
  if (Array.isArray(document) || typeof document !== "object" || document === null) return;
  equal(schema.safeParse({ ...document, unheardOf: 1 }).success, false, `${command}: one more`);
  const [first] = Object.keys(document);
  const { [first as keyof typeof document]: _gone, ...rest } = document;
  equal(schema.safeParse(rest).success, false, `${command}: without ${first}`);
}
