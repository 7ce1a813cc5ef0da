/** Feodo Tracker's CSV: a header row that names the columns, then quoted fields (RFC 4180). */
import { FeedError } from "../feed.ts";
import { byteText } from "./address_bytes.ts";
import type { FeedEntries } from "./feed_entries.ts";
import type { ReadLine } from "./lines.ts";

const ADDRESS_COLUMN = "dst_ip";

/** Whether a line is a header row that says where the address stands. */
export function isFeodoHeader(line: string): boolean {
  return csvFields(line)?.includes(ADDRESS_COLUMN) ?? false;
}

/** Reads the header row first, then the address of each row that has as many fields. */
export function readFeodoCsv(entries: FeedEntries): ReadLine {
  let column = -1, columns = 0;
  return (bytes, start, end) => {
    const fields = csvFields(byteText(bytes, start, end));
    if (columns === 0) {
      column = fields?.indexOf(ADDRESS_COLUMN) ?? -1;
      if (!fields || column < 0) throw new FeedError(`has no column ${ADDRESS_COLUMN}`);
      columns = fields.length;
    } else if (fields?.length !== columns) {
      entries.refuse("malformed");
    } else {
      entries.addText(fields[column], 0);
    }
  };
}

/** The fields of one row; `undefined` where a quote is out of place. */
export function csvFields(line: string): string[] | undefined {
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = field.exec(line);
    if (!match) return undefined;
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2]);
    if (match[3] === "") return fields;
  }
}
