/** The changes that a page can ask the fake firewall for. */
import type {
  AddRule,
  BanView,
  ChangeAnswer,
  ChangeDefault,
  ChangeFeed,
  ChangeIcmp,
  ChangeList,
  ChangeManner,
  ChangeMode,
  ChangeRule,
  ConfigRule,
  ErrorAnswer,
  MoveRule,
  ReplaceRule,
  RuleDraft,
  RuleReference,
  ToggleRule,
} from "../../dashboard/contract.ts";
import type { FakeState } from "./fake_state.ts";

/** An answer that is not 2xx. */
export class Refusal extends Error {
  readonly status: number;
  readonly answer: ErrorAnswer;

  constructor(status: number, answer: Omit<ErrorAnswer, "exitCode">) {
    super(answer.error);
    this.status = status;
    this.answer = { ...answer, exitCode: 1 };
  }
}

type Change = (state: FakeState, body: never) => string;

/** By path; what they return is told to people. */
const CHANGES: Readonly<Record<string, Change>> = {
  "/rules/add": (state, { rule, position }: AddRule) => {
    const at = (position ?? state.rules.length + 1) - 1;
    state.rules.splice(at, 0, { rule: complete(rule), packets: 0, bytes: 0 });
    return `added rule ${at + 1} "${rule.name}"`;
  },
  "/rules/replace": (state, body: ReplaceRule) => {
    const at = find(state, body);
    const { enabled } = state.rules[at].rule;
    state.rules[at] = { ...state.rules[at], rule: complete({ enabled, ...body.rule }) };
    return `changed rule ${at + 1}`;
  },
  "/rules/remove": (state, body: ChangeRule) => {
    const [{ rule }] = state.rules.splice(find(state, body), 1);
    return `removed rule ${body.number} "${rule.name}"`;
  },
  "/rules/toggle": (state, body: ToggleRule) => {
    const at = find(state, body);
    const { rule } = state.rules[at];
    const enabled = body.enabled ?? !rule.enabled;
    state.rules[at] = { ...state.rules[at], rule: { ...rule, enabled } };
    return `switched rule ${at + 1} ${enabled ? "on" : "off"}`;
  },
  "/rules/move": (state, body: MoveRule) => {
    const [moved] = state.rules.splice(find(state, body), 1);
    state.rules.splice(body.to - 1, 0, moved);
    return `moved rule ${body.number} to ${body.to}`;
  },
  "/lists/blacklist": (state, body: ChangeList) => changeList(state, "blacklist", body),
  "/lists/whitelist": (state, body: ChangeList) => changeList(state, "whitelist", body),
  "/icmp": (state, { blocked }: ChangeIcmp) => {
    state.icmpBlocked = blocked;
    return blocked ? "incoming ICMP is blocked" : "incoming ICMP is no longer blocked";
  },
  "/default-policy": (state, { action }: ChangeDefault) => {
    state.defaultPolicy = action;
    return `the default policy is ${action}`;
  },
  "/feeds": (state, { name, enabled }: ChangeFeed) => {
    state.feeds = state.feeds.map((feed) =>
      feed.name === name ? { ...feed, enabled, status: enabled ? "ok" : "disabled" } : feed
    );
    return `switched ${name} ${enabled ? "on" : "off"}`;
  },
  "/mode": (state, { mode }: ChangeMode) => {
    state.mode = mode;
    return mode === "enforce" ? "pfw enforces" : "pfw only monitors";
  },
};

/** Whether there is such a change. */
export function isChange(path: string): boolean {
  return path in CHANGES;
}

/** Makes a change. @throws Refusal */
export function makeChange(state: FakeState, path: string, body: ChangeManner): ChangeAnswer {
  if (state.options.wouldCut && !body.force) {
    throw new Refusal(409, {
      error: "cannot change it: this would cut off your own connection; --force does it",
      plain: "cannot change it: this would cut off your own connection",
      code: "would_cut",
      cuts: [{ lifeline: "this page, from 192.0.2.50", by: state.options.hostileText ?? path }],
    });
  }
  const before = structuredClone({ rules: state.rules, lists: state.lists });
  const done = CHANGES[path](state, body as never);
  if (body.confirm) hold(state, `pfw ${path}`, body.confirm, before);
  return {
    done,
    changed: true,
    inKernel: state.mode === "enforce",
    milliseconds: 84,
    pending: state.pendingView(),
    notices: [],
  };
}

let before: Pick<FakeState, "rules" | "lists"> | undefined;

function hold(state: FakeState, command: string, seconds: number, old: typeof before): void {
  before = old;
  state.pending = {
    command,
    user: "root",
    secondsLeft: seconds,
    until: Date.now() + seconds * 1_000,
  };
}

/** Ends the trial of a change. */
export function endTrial(state: FakeState, isKept: boolean): ChangeAnswer {
  if (!state.pending) throw new Refusal(422, { error: "no change waits", code: "invalid" });
  state.pending = null;
  if (!isKept && before) Object.assign(state, before);
  return {
    done: isKept ? "the change stays" : "the change is taken back",
    changed: true,
    inKernel: state.mode === "enforce",
    milliseconds: 31,
    pending: null,
    notices: [],
  };
}

function find(state: FakeState, { number, id }: RuleReference): number {
  const at = number - 1;
  if (at < state.rules.length && state.idOf(at) === id) return at;
  throw new Refusal(409, { error: `rule ${number} is another one now`, code: "stale" });
}

function complete(rule: RuleDraft): ConfigRule {
  if (rule.ports?.some((port) => Number(port) > 65_535)) {
    const message = `${rule.ports[0]} is not a port`;
    throw new Refusal(422, {
      error: `wrong request: rule.ports[0]: ${message}`,
      code: "invalid",
      problems: [{ path: "rule.ports[0]", message }],
    });
  }
  return {
    protocol: "any",
    ports: [],
    source_ips: [],
    destination_ips: [],
    direction: "both",
    enabled: true,
    ...rule,
  };
}

function changeList(
  state: FakeState,
  name: "blacklist" | "whitelist",
  { add = [], remove = [] }: ChangeList,
): string {
  const bad = add.find((entry) => !/^[0-9a-f.:/]+$/i.test(entry));
  if (bad) {
    const message = `"${bad}" is not an address`, path = `add[${add.indexOf(bad)}]`;
    const error = `wrong request: ${path}: ${message}`;
    throw new Refusal(422, { error, code: "invalid", problems: [{ path, message }] });
  }
  const rest = state.lists[name].filter((entry) => !remove.includes(entry));
  state.lists[name] = [...add, ...rest];
  return add.length > 0
    ? `added ${add.join(", ")} to the ${name}`
    : `removed ${remove.join(", ")} from the ${name}`;
}

/** Bans addresses. */
export function ban(
  state: FakeState,
  { addresses, seconds, reason }: { addresses: string[]; seconds: number; reason: string },
): BanView[] {
  const made = addresses.map((address): BanView => ({
    address,
    cause: "manual",
    reason,
    evidence: {},
    since: new Date().toISOString(),
    until: new Date(Date.now() + seconds * 1_000).toISOString(),
    secondsLeft: seconds,
    offences: 1,
  }));
  state.bans = [...made, ...state.bans];
  return made;
}
