/** JSON of `pfw threats …`. */
import * as z from "zod";
import { feed, format } from "../../engine/control/schemas/feed.ts";
import type { KnownFeed } from "../../intel/feed_catalogue.ts";
import { address, count, flag, text } from "../../engine/control/schemas/parts.ts";
import { change, documented } from "./parts.ts";

const level = z.int().min(0).max(255)
  .describe("How bad, as the feed counts it; 0 where it does not say.");

const knownFeed = z.strictObject({
  name: z.string(),
  url: z.string(),
  format,
  interval: text("As the configuration has it, e.g. `1h`."),
  minimum: count("Least level of an entry that is applied.").optional(),
  headers: z.record(z.string(), z.string()).optional()
    .describe("Headers with keys, and where pfw looks for these."),
  description: text("What it lists."),
  terms: text("Terms of use, in short."),
}) satisfies z.ZodType<KnownFeed>;

const fault = z.string().nullable()
  .describe("Why the newest lists are not in force; null when they are.");

export const list = documented(
  "threats list",
  "What the enabled feeds list, the worst first.",
  z.strictObject({
    entries: count("Entries that there are."),
    shown: count("Of these, entries in this document (--limit)."),
    threats: z.array(z.strictObject({
      address: address(),
      level,
      feeds: z.array(z.string()).describe("Names of the feeds that list it, or a part of it."),
    })),
  }),
);

export const update = documented(
  "threats update",
  "How the fetch ended. Exit 1 where a feed has an error or there is a fault.",
  z.strictObject({
    running: z.boolean().nullable()
      .describe("Whether a running pfw did it; null: nothing was to be fetched."),
    inKernel: flag("Whether the kernel has the newest lists."),
    entries: count("Entries of all feeds together."),
    fault,
    feeds: z.array(feed).describe("Those that were asked for."),
  }),
);

const checked = z.strictObject({
  address: address("What was asked."),
  listed: flag("Whether a feed lists it, or a part of it."),
  feeds: z.array(z.strictObject({ feed: z.string(), entry: address("The feed's entry."), level })),
  whitelisted: flag("Whether all of it is whitelisted; the whitelist wins."),
  protected: flag("Whether it is listed and not applied, as this machine depends on it."),
  running: flag("Whether a pfw runs."),
  inForce: flag("Whether the kernel blocks it for what the feeds say."),
});

export const check = documented(
  "threats check",
  "One object for one address, an array for several.",
  z.union([checked, z.array(checked)]),
);

export const feeds = documented(
  "threats feeds list",
  "The configured feeds, and known ones that are not configured.",
  z.strictObject({
    running: flag("Whether a pfw runs; false: as the copies on disk tell."),
    entries: z.int().min(0).nullable()
      .describe("Entries in force, all feeds merged; null where no pfw runs."),
    updating: flag("Whether feeds are being fetched."),
    fault,
    feeds: z.array(feed),
    known: z.array(knownFeed),
  }),
);

const { changed, running, confirm } = change;

const edited = (word: string, description: string) =>
  documented(
    `threats feeds ${word}`,
    description,
    z.strictObject({
      action: z.literal(word),
      feeds: z.array(z.string()).describe("Names of the feeds that were changed."),
      unchanged: z.array(z.string()).describe("Names of those that were so already."),
      needs: z.array(z.string()).describe("Keys that are still missing, and where to put them."),
      changed,
      running,
      confirm,
    }),
  );

export const enable = edited("enable", "The feeds that are on now.");
export const disable = edited("disable", "The feeds that are off now.");
export const add = edited("add", "The feed that was added.");
export const remove = edited("remove", "The feeds that are no longer configured.");
