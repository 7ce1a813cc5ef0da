/** A threat feed as `threats feeds list`, the socket and the dashboard tell it. */
import * as z from "zod";
import { FEED_FORMATS, type FeedState, REFUSAL_CAUSES } from "../../../intel/feed.ts";
import { count, some, text, time } from "./parts.ts";

export const format = z.enum(["auto", ...FEED_FORMATS])
  .describe("As configured; auto recognises it by its content.");

export const feed = z.strictObject({
  name: text("What it is called."),
  url: text("Where it is fetched from."),
  format,
  foundFormat: z.enum(FEED_FORMATS).nullable().describe("The form of the last good copy."),
  enabled: z.boolean(),
  interval: z.int().min(1).describe("Between two fetches. Seconds."),
  status: z.enum(["never", "fetching", "ok", "kept", "disabled"]).describe(
    "never: no good copy yet; ok: the last attempt succeeded; kept: it failed, the old list stays.",
  ),
  receivedBytes: count("Bytes of the present fetch so far."),
  entries: count("Entries of the last good copy that may be applied."),
  refused: some(REFUSAL_CAUSES, count("Entries."))
    .describe("Entries that are not applied, by cause. A cause without any is absent."),
  fetchedAt: time("When the last good copy was fetched.").nullable(),
  checkedAt: time("When it was last asked for, or found unchanged.").nullable(),
  nextAt: time("When it is fetched next.").nullable(),
  error: z.string().nullable().describe("Why the last attempt failed; null when it did not."),
}) satisfies z.ZodType<FeedState>;
