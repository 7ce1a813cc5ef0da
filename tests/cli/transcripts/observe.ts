/** Scenes of `pfw logs`, `pfw stats` and `pfw explain`. */
import { configured, locked, recorded, withBans, withFetchedFeeds } from "./found.ts";
import { running } from "./running.ts";
import { scene, type Transcript } from "./scene.ts";

/** All of them. */
export const OBSERVE: readonly Transcript[] = [{
  command: "logs",
  scenes: [
    scene("normal", "a table, CSV, and with filters", [
      "logs",
      "logs --type allowed --limit 1",
      "logs --ip 203.0.113.0/24 --port 23 --reason rule",
      "logs --format csv --limit 1",
    ], recorded),
    scene(
      "empty",
      "nothing was stored yet",
      ["logs", "logs --type allowed", "logs --format csv"],
      configured,
    ),
    scene(
      "empty",
      "nothing that fits",
      ["logs --port 9", "logs --limit 0", "logs --since 1m"],
      recorded,
    ),
    scene("no root", "the files of somebody else", ["logs"], locked),
    scene("wrong usage", "filters that are none", [
      "logs --limit many",
      "logs --since yesterday",
      "logs --ip host.example",
      "logs --port 99999",
      "logs --reason rul",
      "logs --type dropped",
      "logs --format xml",
      "logs --format csv --json",
      "logs now",
    ], recorded),
  ],
}, {
  command: "stats",
  scenes: [
    scene("normal", "of the database", ["stats"], recorded),
    scene("running", "of a pfw that runs", ["stats"], running()),
    scene("running", "one that only observes", ["stats"], running("monitor")),
    scene("empty", "nothing was stored yet", ["stats"], configured),
    scene("no root", "the files of somebody else", ["stats"], locked),
    scene("wrong usage", "words that there are not", ["stats all", "stats --wacht"], configured),
  ],
}, {
  command: "explain",
  scenes: [
    scene("normal", "a pfw that runs", ["explain 198.51.100.7"], running()),
    scene("not running", "by the configuration", [
      "explain 198.51.100.7",
      "explain 203.0.113.20 --port 22",
      "explain 203.0.113.20",
      "explain 203.0.113.20 --protocol icmp --direction out",
    ], configured),
    scene("not running", "by feeds", ["explain 203.0.114.2 --port 443"], withFetchedFeeds),
    scene("not running", "by bans", ["explain 203.0.113.9"], withBans),
    scene("empty", "no configuration yet", ["explain 203.0.113.7 --port 23"]),
    scene("no root", "a pfw of somebody else", ["explain 203.0.113.7"], locked),
    scene("wrong usage", "no address, and ports that are none", [
      "explain",
      "explain host.example",
      "explain 203.0.113.0/24",
      "explain 203.0.113.7 --port 0",
      "explain 203.0.113.7 --protocol icmp --port 7",
      "explain 203.0.113.7 --protocol sctp",
      "explain 203.0.113.7 --direction both",
    ], configured),
  ],
}];
