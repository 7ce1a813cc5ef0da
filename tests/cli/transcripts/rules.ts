/** Scenes of `pfw rules …` and of the old words for them. */
import { ruleIds } from "../../../engine/policy/rule_id.ts";
import { configSchema } from "../../../engine/policy/schema.ts";
import { broken, CONFIG, configured, emptied, locked, must } from "./found.ts";
import { refusing, running } from "./running.ts";
import { type Scene, scene, type Transcript } from "./scene.ts";

const IDS = ruleIds(configSchema.parse(CONFIG).rules);

const HITS = running("enforce", {
  "GET /rules": IDS.map((id, at) => ({ id, packets: 1_234 * at, bytes: 60 * 1_234 * at })),
});

const LIST: Transcript = {
  command: "rules list",
  scenes: [
    scene("normal", "rules", ["rules list"], configured),
    scene("running", "with hits from the kernel", ["rules list"], HITS),
    scene("empty", "no rules", ["rules list"], emptied),
    scene("empty", "no configuration yet", ["rules list"]),
    scene("no root", "the files of somebody else", ["rules list"], locked),
    scene("wrong usage", "a word too many, an unknown option", [
      "rules list now",
      "rules list --sorted",
    ], configured),
    scene("wrong usage", "a configuration that cannot be used", ["rules list"], broken),
  ],
};

const ADD: Transcript = {
  command: "rules add",
  scenes: [
    scene("normal", "at the end, in front, and once more", [
      'rules add "No SMB" block --protocol tcp --ports 139,445 --direction in',
      "rules add Home allow --source 192.0.2.0/24,2001:db8::/64 --position 1",
      'rules add "No SMB again" block --protocol tcp --ports 139,445 --direction in',
      "rules list",
    ], configured),
    scene("running", "in the kernel", ['rules add "No SMB" block --ports 445'], running()),
    scene("running", "one that only observes", ['rules add "No SMB" block'], running("monitor")),
    scene(
      "running",
      "one that refuses",
      ['rules add "No SMB" block', "rules list"],
      refusing("iptables-restore: line 4 failed", 1),
    ),
    scene("empty", "no configuration yet", ['rules add "No SMB" block --ports 445']),
    scene("no root", "the files of somebody else", ['rules add "No SMB" block'], locked),
    scene("wrong usage", "words that are missing or wrong", [
      "rules add",
      'rules add "No SMB"',
      'rules add "No SMB" deny',
      'rules add "" block',
      'rules add "No SMB" block --protocol tpc',
      'rules add "No SMB" block --ports 445,99999',
      'rules add "No SMB" block --ports smb',
      'rules add "No SMB" block --protocol icmp --ports 7',
      'rules add "No SMB" block --source 192.0.2.300',
      'rules add "No SMB" block --position first',
      'rules add "No SMB" block --confirm soon',
      'rules add "No SMB" block --prots 445',
    ], configured),
    scene(
      "unknown",
      "a place that there is not",
      ['rules add "No SMB" block --position 9'],
      configured,
    ),
  ],
};

const REMOVE: Transcript = {
  command: "rules remove",
  scenes: [
    scene(
      "normal",
      "one and several",
      ["rules remove 2", "rules remove 1 2", "rules list"],
      configured,
    ),
    scene("running", "out of the kernel", ["rules remove 1"], running()),
    scene("no root", "the files of somebody else", ["rules remove 1"], locked),
    scene(
      "wrong usage",
      "no number",
      ["rules remove", "rules remove telnet", "rules remove 0"],
      configured,
    ),
    scene("unknown", "numbers that there are not", [
      "rules remove 9",
      "rules remove 1 9",
      "rules list",
    ], configured),
    scene("empty", "no rules", ["rules remove 1"], emptied),
  ],
};

const TOGGLE: Transcript = {
  command: "rules toggle",
  scenes: [
    scene("normal", "off and on again", ["rules toggle 1", "rules toggle 1"], configured),
    scene("running", "in the kernel", ["rules toggle 3"], running()),
    scene("no root", "the files of somebody else", ["rules toggle 1"], locked),
    scene(
      "wrong usage",
      "no number",
      ["rules toggle", "rules toggle -1", "rules toggle 1 2"],
      configured,
    ),
    scene("unknown", "a number that there is not", ["rules toggle 9"], configured),
    scene("empty", "no rules", ["rules toggle 1"], emptied),
  ],
};

const MOVE: Transcript = {
  command: "rules move",
  scenes: [
    scene("normal", "to the front, and to where it is", [
      "rules move 3 1",
      "rules move 1 1",
      "rules list",
    ], configured),
    scene("running", "in the kernel", ["rules move 2 1"], running()),
    scene("no root", "the files of somebody else", ["rules move 2 1"], locked),
    scene(
      "wrong usage",
      "no numbers",
      ["rules move", "rules move 1", "rules move 1 top"],
      configured,
    ),
    scene(
      "unknown",
      "numbers that there are not",
      ["rules move 9 1", "rules move 1 9"],
      configured,
    ),
  ],
};

const PLAIN_RULES = '{"rules": [{"name": "No SMB", "action": "block", "ports": [445]}]}';
const OLD_FORM =
  '{"block_ips": ["203.0.113.8"], "block_ports": [25], "block_protocols": ["ICMP"], "allow_protocols": []}';

const CHECK: Transcript = {
  command: "rules check",
  scenes: [
    scene("normal", "the one in use", ["rules check"], configured),
    scene("empty", "no configuration yet", ["rules check"]),
    scene("no root", "the files of somebody else", ["rules check"], locked),
    scene("wrong usage", "every problem with its line", ["rules check"], broken),
    scene("wrong usage", "no JSON at all", ["rules check"], (box) => box.writeConfig("{ rules: ")),
    scene("wrong usage", "two files", ["rules check a.json b.json"], configured),
    scene(
      "unknown",
      "a file that there is not",
      ["rules check nowhere.json", "rules check ."],
      configured,
    ),
  ],
};

const IMPORT: Transcript = {
  command: "rules import",
  scenes: [
    scene("normal", "rules, twice, and the older form", [
      { line: "rules import -", input: PLAIN_RULES },
      { line: "rules import -", input: PLAIN_RULES },
      { line: "rules import -", input: OLD_FORM },
      "rules list",
    ], configured),
    scene("running", "in the kernel", [{ line: "rules import -", input: PLAIN_RULES }], running()),
    scene("empty", "nothing in it", [
      { line: "rules import -", input: '{"rules": []}' },
      { line: "rules import -", input: "" },
    ], configured),
    scene(
      "no root",
      "the files of somebody else",
      [{ line: "rules import -", input: PLAIN_RULES }],
      locked,
    ),
    scene("wrong usage", "no file, or one that cannot be used", [
      "rules import",
      { line: "rules import -", input: '{"rules": [{"name": "No SMB"}]}' },
      { line: "rules import -", input: "[1, 2" },
    ], configured),
    scene("unknown", "a file that there is not", ["rules import nowhere.json"], configured),
  ],
};

const EXPORT: Transcript = {
  command: "rules export",
  scenes: [
    scene("normal", "as it can be imported", ["rules export"], configured),
    scene("empty", "no rules", ["rules export"], emptied),
    scene("no root", "the files of somebody else", ["rules export"], locked),
    scene("wrong usage", "a word too many", ["rules export rules.json"], configured),
  ],
};

const CONFIRM: Transcript = {
  command: "rules confirm",
  scenes: [
    scene("normal", "a change that waits", [
      "rules toggle 1 --confirm 600",
      "rules confirm",
      "rules confirm",
    ], configured),
    scene("empty", "nothing waits", ["rules confirm"], configured),
    scene("no root", "the files of somebody else", ["rules confirm"], locked),
    scene("wrong usage", "a word too many", ["rules confirm 1"], configured),
  ],
};

async function changed(box: Parameters<typeof must>[0]): Promise<void> {
  configured(box);
  await must(box, "rules", "toggle", "1");
  await must(box, "rules", "remove", "2");
  await must(box, "blacklist", "add", "203.0.113.7");
}

const pastOf = (word: string): Scene[] => [
  scene("no root", "the files of somebody else", [`rules ${word} 1`], locked),
  scene("wrong usage", "no number", [`rules ${word}`, `rules ${word} first`], changed),
  scene("unknown", "a number that there is not", [`rules ${word} 99`], changed),
  scene("empty", "no history yet", [`rules ${word} 1`], configured),
];

const HISTORY: Transcript = {
  command: "rules history",
  scenes: [
    scene("normal", "what was put in place", ["rules history"], changed),
    scene("empty", "nothing yet", ["rules history"], configured),
    scene("no root", "the files of somebody else", ["rules history"], locked),
    scene("wrong usage", "a word too many", ["rules history 3"], configured),
  ],
};

const DIFF: Transcript = {
  command: "rules diff",
  scenes: [
    scene(
      "normal",
      "since the first, and since the last",
      ["rules diff 1", "rules diff 4"],
      changed,
    ),
    ...pastOf("diff"),
  ],
};

const ROLLBACK: Transcript = {
  command: "rules rollback",
  scenes: [
    scene("normal", "back to the first, twice", [
      "rules rollback 1",
      "rules rollback 1",
      "rules list",
    ], changed),
    ...pastOf("rollback"),
  ],
};

/** The old project's word for one of these: the same scenes, without `rules` before it. */
function oldWord({ command, scenes }: Transcript): Transcript {
  const short = (line: string) =>
    line.replace(`${command} `, `${command.slice(6)} `)
      .replace(new RegExp(`^${command}$`), command.slice(6));
  const kept = scenes.filter(({ kind }) => kind !== "running" && kind !== "empty");
  return {
    command: command.slice(6),
    scenes: kept.map((one) => ({
      ...one,
      steps: one.steps.map((step) => ({ ...step, line: short(step.line) })),
    })),
  };
}

/** All of them. */
export const RULES: readonly Transcript[] = [
  LIST,
  ADD,
  REMOVE,
  TOGGLE,
  MOVE,
  CHECK,
  IMPORT,
  EXPORT,
  CONFIRM,
  HISTORY,
  DIFF,
  ROLLBACK,
  ...[LIST, ADD, REMOVE, TOGGLE].map(oldWord),
];
