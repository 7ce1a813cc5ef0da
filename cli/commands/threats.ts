/** `pfw threats …`: what feeds say of the world, and which feeds are asked. Actions load lazily. */
import { type Command, Option } from "commander";
import { FEED_FORMATS } from "../../intel/feed.ts";
import { changesPolicy } from "../change_options.ts";
import { changingContextOf, contextOf } from "../context.ts";
import { refusesUnknownCommands } from "./default_command.ts";

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  pfw threats ${line}`).join("\n")}`;
}

/** Adds `threats`. */
export function registerThreats(program: Command): void {
  const threats = refusesUnknownCommands(program.command("threats"))
    .description("addresses that threat feeds list, and the feeds")
    .addHelpText("after", examples("list", "check 203.0.113.7", "update", "feeds"));
  defineList(threats);
  defineUpdate(threats);
  defineCheck(threats);
  const feeds = refusesUnknownCommands(threats.command("feeds")).description(
    "the feeds: how they are, on, off, add, remove",
  )
    .addHelpText("after", examples("feeds", "feeds --verbose", 'feeds enable "Tor exits"'));
  defineFeedList(feeds);
  defineEnable(feeds);
  defineDisable(feeds);
  defineAdd(feeds);
  defineRemove(feeds);
}

function defineList(threats: Command): void {
  threats.command("list", { isDefault: true })
    .description("addresses that the enabled feeds list, the worst first")
    .option("--limit <number>", "at most so many; 0 is all", "50")
    .option("--feed <name>", "only those that this feed lists")
    .addHelpText(
      "after",
      examples(
        "list --limit 20",
        'list --feed "Feodo Tracker"',
        "list --limit 0 --json | jq -r '.threats[].address'",
      ),
    )
    .action(async (options, command) => {
      const { listThreats } = await import("./threats_list.ts");
      await listThreats(contextOf(command), options);
    });
}

function defineUpdate(threats: Command): void {
  threats.command("update").description("fetch feeds now; a running pfw enforces what they say")
    .argument("[name...]", "feeds; all enabled ones unless given")
    .option(
      "--force",
      "take a list also where it lost half, changed its form or blocks a quarter of all",
    )
    .addHelpText("after", examples("update", 'update "Feodo Tracker"', "update --force --json"))
    .action(async (names, options, command) => {
      const { updateThreats } = await import("./threats_update.ts");
      await updateThreats(contextOf(command), names, options.force === true);
    });
}

function defineCheck(threats: Command): void {
  threats.command("check").description(
    "every feed that lists an address, and whether it is blocked",
  )
    .argument("<address...>", "IPv4 or IPv6, single or CIDR")
    .addHelpText(
      "after",
      examples("check 203.0.113.7", "check 198.51.100.0/24", "check 203.0.113.7 --json"),
    )
    .action(async (addresses, _options, command) => {
      const { checkThreats } = await import("./threats_check.ts");
      await checkThreats(contextOf(command), addresses);
    });
}

function defineFeedList(feeds: Command): void {
  feeds.command("list", { isDefault: true })
    .description("the feeds with their state")
    .option("-v, --verbose", "also addresses, forms, refused entries by cause, and known feeds")
    .addHelpText(
      "after",
      examples("feeds", "feeds --verbose", "feeds --json | jq '.feeds[].error'"),
    )
    .action(async (options, command) => {
      const { listFeeds } = await import("./threats_feeds.ts");
      await listFeeds(contextOf(command), options.verbose === true);
    });
}

function defineEnable(feeds: Command): void {
  changesPolicy(feeds.command("enable")).description("switch feeds on: configured or known ones")
    .argument("<name...>", "as `threats feeds --verbose` shows them")
    .addHelpText("after", examples('feeds enable "Tor exits"', "feeds enable ipsum greensnow"))
    .action(async (names, _options, command) => {
      const { enableFeeds } = await import("./threats_feeds_edit.ts");
      await enableFeeds(changingContextOf(command), names);
    });
}

function defineDisable(feeds: Command): void {
  changesPolicy(feeds.command("disable")).description("switch feeds off; they stay configured")
    .argument("<name...>", "as `threats feeds` shows them")
    .addHelpText("after", examples('feeds disable "Feodo Tracker"'))
    .action(async (names, _options, command) => {
      const { disableFeeds } = await import("./threats_feeds_edit.ts");
      await disableFeeds(changingContextOf(command), names);
    });
}

function defineAdd(feeds: Command): void {
  const collect = (text: string, before: string[]) => [...before, text];
  changesPolicy(feeds.command("add")).description("add a feed of your own")
    .argument("<name>", "what it is called")
    .argument("<url>", "https or file; http with --allow-insecure")
    .addOption(
      new Option("--format <format>", "auto recognises it by its content")
        .choices(["auto", ...FEED_FORMATS]).default("auto"),
    )
    .option("--interval <time>", "time between two fetches: 10m, 1h, 1d", "1h")
    .option("--minimum <number>", "ipsum: lists that an address stands on; abuseipdb: score", "0")
    .option(
      "--header <name=value>",
      "header of the request, may be repeated; the value is env:NAME or file:/path",
      collect,
      [],
    )
    .option("--allow-insecure", "take plain http, which anybody on the way can change")
    .addHelpText(
      "after",
      examples(
        'feeds add "My list" https://example.org/list.txt --interval 6h',
        "feeds add Mine file:///etc/personal-firewall/mine.netset --interval 10m",
        'feeds add AbuseIPDB "https://api.abuseipdb.com/api/v2/blacklist" ' +
          '--format abuseipdb --interval 1d --header "Key=env:ABUSEIPDB_KEY"',
      ),
    )
    .action(async (name, url, options, command) => {
      const { addFeed } = await import("./threats_feeds_edit.ts");
      await addFeed(changingContextOf(command), name, url, options);
    });
}

function defineRemove(feeds: Command): void {
  changesPolicy(feeds.command("remove")).description("take feeds out of the configuration")
    .argument("<name...>", "as `threats feeds` shows them")
    .addHelpText("after", examples('feeds remove "My list"'))
    .action(async (names, _options, command) => {
      const { removeFeeds } = await import("./threats_feeds_edit.ts");
      await removeFeeds(changingContextOf(command), names);
    });
}
