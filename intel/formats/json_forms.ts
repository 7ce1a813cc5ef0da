/** The forms of feeds in JSON: where their records stand and what they say. */
import type { FeedFormat } from "../feed.ts";
import { isExpired } from "./crowdsec_time.ts";
import { levelOf } from "./feed_entries.ts";
import type { JsonForm, JsonRecord } from "./json_records.ts";
import { requireCount } from "./lines.ts";

/** https://feodotracker.abuse.ch/downloads/ipblocklist.json */
const feodo: JsonForm = {
  records: ["[]"],
  members: ["ip_address"],
  reader: (entries) => (record) => entries.addText(textOf(record.ip_address), 0),
};

/**
 * https://www.spamhaus.org/drop/drop_v4.json and drop_v6.json: a document a line, and one of
 * metadata at the end that says how many there are.
 */
const spamhaus: JsonForm = {
  records: [""],
  members: ["cidr", "type", "records"],
  reader(entries) {
    let counted = 0;
    return ({ cidr, type, records }) => {
      if (type !== "metadata") return entries.addText(textOf(cidr), 0);
      if (typeof records === "number") requireCount(entries.records - counted, records);
      counted = entries.records;
    };
  },
};

/** https://docs.abuseipdb.com/#blacklist-endpoint */
const abuseipdb: JsonForm = {
  records: [".data[]"],
  members: ["ipAddress", "abuseConfidenceScore"],
  reader: (entries, { minimum }) => ({ ipAddress, abuseConfidenceScore }) => {
    const score = typeof abuseConfidenceScore === "number" ? abuseConfidenceScore : 0;
    if (score < minimum) entries.refuse("below_minimum");
    else entries.addText(textOf(ipAddress), levelOf(score));
  },
};

/** https://otx.alienvault.com/api, `/api/v1/indicators/export` */
const otxExport: JsonForm = {
  records: [".results[]"],
  members: ["indicator", "type"],
  reader: (entries) => ({ indicator, type }) => {
    if (typeof type !== "string") entries.refuse("malformed");
    else if (!["IPv4", "IPv6", "CIDR"].includes(type)) entries.refuse("other_kind");
    else entries.addText(textOf(indicator), 0);
  },
};

/** https://docs.crowdsec.net, `/v1/decisions/stream` and `/v1/decisions` of its local API. */
const crowdsec: JsonForm = {
  records: [".new[]", "[]"],
  members: ["duration", "scope", "simulated", "type", "until", "value"],
  reader: (entries, { now }) => (record) => {
    const { scope, type, value } = record;
    if (typeof scope !== "string" || typeof type !== "string") return entries.refuse("malformed");
    const isBan = type.toLowerCase() === "ban" && record.simulated !== true;
    if (!isBan || !["ip", "range"].includes(scope.toLowerCase())) {
      return entries.refuse("other_kind");
    }
    const expired = isExpired(record.duration, record.until, now);
    if (expired === undefined) entries.refuse("malformed");
    else if (expired) entries.refuse("other_kind");
    else entries.addText(textOf(value), 0);
  },
};

/** By their names in the configuration. */
export const JSON_FORMS = {
  feodo_json: feodo,
  spamhaus_json: spamhaus,
  abuseipdb,
  otx_export: otxExport,
  crowdsec,
} as const satisfies Partial<Record<FeedFormat, JsonForm>>;

function textOf(value: JsonRecord[string]): string {
  return typeof value === "string" ? value : "";
}
