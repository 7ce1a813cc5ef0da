/** Scenes of `pfw blacklist …`, `pfw whitelist …` and `pfw bans …`. */
import { configured, emptied, locked, withBans } from "./found.ts";
import { refusing, running } from "./running.ts";
import { scene, type Transcript } from "./scene.ts";

const MIXED = "# mine\n203.0.113.8 # why\n\nnonsense\n2001:db8::/33\n";

function listTranscripts(list: "blacklist" | "whitelist"): Transcript[] {
  const there = list === "blacklist" ? "198.51.100.7" : "127.0.0.1";
  return [{
    command: `${list} list`,
    scenes: [
      scene("normal", "one address a line", [`${list} list`], configured),
      scene("empty", "none", [`${list} list`], emptied),
      scene("no root", "the files of somebody else", [`${list} list`], locked),
      scene(
        "wrong usage",
        "a word too many",
        [`${list} list all`, `${list}`, `${list} lst`],
        configured,
      ),
    ],
  }, {
    command: `${list} add`,
    scenes: [
      scene("normal", "some, some again, and from standard input", [
        `${list} add 203.0.113.7 2001:db8::/32`,
        `${list} add 203.0.113.7 203.0.113.9`,
        { line: `${list} add - --skip-invalid`, input: MIXED },
        { line: `${list} add -`, input: "" },
      ], configured),
      scene("normal", "what is on the other list, too", [
        `${list} add ${list === "blacklist" ? "127.0.0.0/8" : "198.51.100.0/24"}`,
      ], configured),
      scene("running", "in the kernel", [`${list} add 203.0.113.7`], running()),
      scene(
        "running",
        "one that refuses",
        [`${list} add 203.0.113.7`],
        refusing("ipset: no more room", 1),
      ),
      scene("empty", "no configuration yet", [`${list} add 203.0.113.7`]),
      scene("no root", "the files of somebody else", [`${list} add 203.0.113.7`], locked),
      scene("wrong usage", "no address", [
        `${list} add`,
        `${list} add 203.0.113.7 host.example`,
        `${list} add 203.0.113.0/33`,
        { line: `${list} add -`, input: MIXED },
      ], configured),
    ],
  }, {
    command: `${list} remove`,
    scenes: [
      scene("normal", "one", [`${list} remove ${there}`, `${list} list`], configured),
      scene("running", "out of the kernel", [`${list} remove ${there}`], running()),
      scene("no root", "the files of somebody else", [`${list} remove ${there}`], locked),
      scene(
        "wrong usage",
        "no address",
        [`${list} remove`, `${list} remove host.example`],
        configured,
      ),
      scene("unknown", "what is not on it", [
        `${list} remove 203.0.113.7`,
        `${list} remove ${there} 203.0.113.7`,
        `${list} list`,
      ], configured),
      scene("empty", "none", [`${list} remove 203.0.113.7`], emptied),
    ],
  }];
}

const BANS: readonly Transcript[] = [{
  command: "bans list",
  scenes: [
    scene("normal", "of a pfw that runs", ["bans list", "bans", "bans list --verbose"], running()),
    scene("running", "one that only observes", ["bans list"], running("monitor")),
    scene("not running", "for the next start", ["bans list", "bans list --verbose"], withBans),
    scene("empty", "nobody", ["bans list"], configured),
    scene(
      "empty",
      "nobody, while pfw runs",
      ["bans list"],
      running("enforce", {
        "GET /bans": { bans: [], mode: "enforce" },
      }),
    ),
    scene("no root", "a pfw of somebody else", ["bans list"], locked),
    scene("wrong usage", "words that there are not", ["bans lst", "bans list all"], configured),
  ],
}, {
  command: "bans add",
  scenes: [
    scene("normal", "in the kernel", ["bans add 203.0.113.9"], running()),
    scene("running", "one that only observes", ["bans add 203.0.113.9"], running("monitor")),
    scene(
      "running",
      "one that refuses",
      ["bans add 203.0.113.9"],
      refusing(
        "cannot ban 203.0.113.9: this machine depends on it; --force bans it all the same",
        1,
      ),
    ),
    scene("not running", "for the next start", [
      'bans add 203.0.113.7 2001:db8:1::/64 --for 90s --reason "scans us"',
      { line: "bans add -", input: "203.0.113.8\n203.0.113.10\n" },
    ], configured),
    scene("empty", "no configuration yet", ["bans add 203.0.113.7"]),
    scene("no root", "a pfw of somebody else", ["bans add 203.0.113.9"], locked),
    scene("wrong usage", "what is no address, duration or reason", [
      "bans add",
      "bans add host.example",
      "bans add 203.0.113.7 --for soon",
      "bans add 203.0.113.7 --for",
      'bans add 203.0.113.7 --reason ""',
      { line: "bans add -", input: "" },
      { line: "bans add -", input: MIXED },
      "bans add 127.0.0.1",
    ], configured),
  ],
}, {
  command: "bans remove",
  scenes: [
    scene(
      "normal",
      "out of the kernel",
      ["bans remove 203.0.113.9", "bans remove --all"],
      running(),
    ),
    scene("not running", "one, and the rest", [
      "bans remove 203.0.113.9",
      "bans remove --all",
      "bans remove --all",
    ], withBans),
    scene("unknown", "who is not banned", [
      "bans remove 203.0.113.77",
      "bans remove 2001:db8:1:2::5",
      "bans remove 203.0.113.9 203.0.113.77",
    ], withBans),
    scene(
      "empty",
      "nobody is banned",
      ["bans remove 203.0.113.9", "bans remove --all"],
      configured,
    ),
    scene("no root", "a pfw of somebody else", ["bans remove 203.0.113.9"], locked),
    scene("wrong usage", "no address, or too much", [
      "bans remove",
      "bans remove host.example",
      "bans remove --all 203.0.113.9",
    ], withBans),
  ],
}];

/** All of them. */
export const LISTS: readonly Transcript[] = [
  ...listTranscripts("blacklist"),
  ...listTranscripts("whitelist"),
  ...BANS,
];
