/** Scenes of `pfw threats …`. */
import { configured, locked, withFeeds, withFetchedFeeds } from "./found.ts";
import { running } from "./running.ts";
import { type Scene, scene, type Transcript } from "./scene.ts";

const LOOKING: readonly Transcript[] = [{
  command: "threats list",
  scenes: [
    scene("normal", "the worst first", [
      "threats list",
      "threats",
      "threats list --feed Levels --limit 1",
    ], withFetchedFeeds),
    scene("empty", "no feed is on", ["threats list"], configured),
    scene(
      "empty",
      "nothing was fetched",
      ["threats list", "threats list --feed Resting"],
      withFeeds,
    ),
    scene("no root", "a pfw of somebody else", ["threats list"], locked),
    scene("wrong usage", "words that there are not", [
      "threats lst",
      "threats list --limit many",
      "threats list now",
    ], withFeeds),
    scene("unknown", "a feed that there is not", [
      "threats list --feed Level",
      "threats list --feed Nothing",
    ], withFeeds),
  ],
}, {
  command: "threats update",
  scenes: [
    scene(
      "not running",
      "for the next start",
      ["threats update", "threats update Levels"],
      withFeeds,
    ),
    scene("normal", "a pfw that runs fetches and enforces", ["threats update"], (box) => {
      running()(box);
      box.writeConfig({ threat_feeds: [{ name: "Feodo Tracker", url: "https://example.org/" }] });
    }),
    scene("not running", "a feed that fails", [
      { line: "threats update", before: (box) => Deno.removeSync(box.path("Levels.feed")) },
    ], withFetchedFeeds),
    scene("empty", "no feed is on", ["threats update"], configured),
    scene("no root", "a pfw of somebody else", ["threats update"], locked),
    scene("wrong usage", "an option that there is not", ["threats update --al"], withFeeds),
    scene("unknown", "feeds that there are not, or that are off", [
      "threats update Level",
      "threats update Resting",
    ], withFeeds),
  ],
}, {
  command: "threats check",
  scenes: [
    scene("normal", "listed, a range, and not listed", [
      "threats check 203.0.114.2",
      "threats check 203.0.114.0/30 198.51.100.1",
    ], withFetchedFeeds),
    scene("running", "in force", ["threats check 203.0.114.2"], async (box) => {
      await withFetchedFeeds(box);
      const config = box.readConfig();
      running()(box);
      box.writeConfig(config);
    }),
    scene("empty", "no feed is on", ["threats check 203.0.114.2"], configured),
    scene("empty", "nothing was fetched", ["threats check 203.0.114.2"], withFeeds),
    scene("no root", "a pfw of somebody else", ["threats check 203.0.114.2"], locked),
    scene("wrong usage", "no address", [
      "threats check",
      "threats check host.example",
      "threats check 203.0.114.2 --port 22",
    ], configured),
  ],
}, {
  command: "threats feeds list",
  scenes: [
    scene(
      "normal",
      "of a pfw that runs",
      ["threats feeds", "threats feeds list"],
      running("enforce", {
        // Not the time that passed since: that grows.
        "GET /threats": { feeds: [], entries: 0, updating: false, fault: null, mode: "enforce" },
      }),
    ),
    scene("not running", "never fetched", ["threats feeds", "threats feeds --verbose"], withFeeds),
    scene("empty", "none is configured", ["threats feeds"], configured),
    scene("no root", "a pfw of somebody else", ["threats feeds"], locked),
    scene("wrong usage", "words that there are not", [
      "threats feeds lst",
      "threats feeds list now",
    ], configured),
  ],
}];

const others = (word: string, argument = "Levels"): Scene[] => [
  scene("no root", "the files of somebody else", [`threats feeds ${word} ${argument}`], locked),
  scene("wrong usage", "no name", [`threats feeds ${word}`], withFeeds),
];

const CHANGING: readonly Transcript[] = [{
  command: "threats feeds enable",
  scenes: [
    scene("normal", "one that is configured, one that is known, one that is on", [
      "threats feeds enable Resting",
      'threats feeds enable "Tor exits" Levels',
      "threats feeds enable AbuseIPDB",
    ], withFeeds),
    scene("running", "fetched by the running pfw", ["threats feeds enable Greensnow"], running()),
    scene("unknown", "a feed that there is not", [
      "threats feeds enable Tor",
      "threats feeds enable Qwxz",
    ], withFeeds),
    ...others("enable"),
  ],
}, {
  command: "threats feeds disable",
  scenes: [
    scene("normal", "one that is on, one that is off", [
      "threats feeds disable Levels",
      "threats feeds disable Resting",
    ], withFeeds),
    scene("unknown", "a feed that there is not", ["threats feeds disable Level"], withFeeds),
    ...others("disable"),
  ],
}, {
  command: "threats feeds add",
  scenes: [
    scene("normal", "a list of one's own, and one with a key", [
      'threats feeds add "My list" https://example.org/list.txt --interval 6h',
      "threats feeds add Keyed https://example.org/k --header Key=env:PFW_NO_SUCH_KEY",
    ], withFeeds),
    scene("wrong usage", "what cannot be fetched", [
      "threats feeds add Mine",
      "threats feeds add Mine /etc/list.txt",
      "threats feeds add Mine http://example.org/list.txt",
      "threats feeds add Mine ftp://example.org/list.txt",
      "threats feeds add Mine https://example.org/ --interval often",
      "threats feeds add Mine https://example.org/ --minimum 999",
      "threats feeds add Mine https://example.org/ --format xml",
      "threats feeds add Mine https://example.org/ --header Key=secret",
      "threats feeds add Levels https://example.org/",
    ], withFeeds),
    scene(
      "no root",
      "the files of somebody else",
      ["threats feeds add Mine https://example.org/"],
      locked,
    ),
  ],
}, {
  command: "threats feeds remove",
  scenes: [
    scene("normal", "one", ["threats feeds remove Levels", "threats feeds"], withFeeds),
    scene("unknown", "a feed that there is not", ["threats feeds remove Level"], withFeeds),
    scene("empty", "none is configured", ["threats feeds remove Levels"], configured),
    ...others("remove"),
  ],
}];

/** All of them. */
export const THREATS: readonly Transcript[] = [...LOOKING, ...CHANGING];
