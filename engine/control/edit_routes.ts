/** The routes that change the policy: rules, lists and the switches beside them. */
import type { Hono } from "hono";
import type * as z from "zod";
import { ExitCode, PfwError } from "../errors.ts";
import { isIcmpBlocked, setIcmpBlocked } from "../policy/edit_icmp.ts";
import { addAddresses, type ListName, removeAddresses } from "../policy/edit_lists.ts";
import { addRule, moveRule, removeRules, replaceRule, toggleRule } from "../policy/edit_rules.ts";
import { quote } from "../policy/field_problems.ts";
import { describeRule } from "../policy/placed_rule.ts";
import { ruleIds } from "../policy/rule_id.ts";
import { type ConfigDraft, ruleSchema } from "../policy/schema.ts";
import type { Change, ChangeAnswer, ChangeManner, PendingView } from "./config_edits.ts";
import {
  addRuleRequest,
  changeDefaultRequest,
  changeFeedRequest,
  changeIcmpRequest,
  changeListRequest,
  changeRuleRequest,
  moveRuleRequest,
  replaceRuleRequest,
  toggleRuleRequest,
} from "./edit_requests.ts";
import { AbsentPart, readBody, respond, StaleError } from "./respond.ts";

/** Who makes the changes. */
export interface EditControl {
  change(command: string, manner: ChangeManner, change: Change): Promise<ChangeAnswer>;
  pending(): Promise<PendingView | null>;
  confirm(): Promise<ChangeAnswer>;
  revert(): Promise<ChangeAnswer>;
}

/** What these routes ask of the running firewall. */
export interface Edited {
  readonly edits?: EditControl;
}

/** A change as a command line would name it, and what it does. */
type Meant = readonly [command: string, change: Change];

/** Adds them. */
export function addEditRoutes(app: Hono, pfw: Edited): void {
  const edits = () => {
    if (pfw.edits) return pfw.edits;
    throw new AbsentPart("the running pfw changes nothing", "it was started without that");
  };
  const route = <T extends ChangeManner>(
    path: string,
    schema: z.ZodType<T>,
    meant: (request: T) => Meant,
  ) =>
    app.post(path, (context) =>
      respond(context, async () => {
        const request = await readBody(context, schema);
        const [command, change] = meant(request);
        return await edits().change(command, request, change);
      }));

  route("/rules/add", addRuleRequest, ({ rule, position }) => [
    `rules add ${quote(rule.name)} ${rule.action}`,
    (draft) => {
      const added = addRule(draft, rule, position);
      return `${added.added ? "added" : "already there as"} ${describeRule(added)}`;
    },
  ]);
  route("/rules/replace", replaceRuleRequest, ({ number, id, rule }) => [
    `rules replace ${number}`,
    (draft) => {
      requireRule(draft, number, id);
      return `changed ${describeRule(replaceRule(draft, number, rule))}`;
    },
  ]);
  route("/rules/remove", changeRuleRequest, ({ number, id }) => [
    `rules remove ${number}`,
    (draft) => {
      requireRule(draft, number, id);
      return `removed ${removeRules(draft, [number]).map(describeRule)}`;
    },
  ]);
  route("/rules/toggle", toggleRuleRequest, ({ number, id, enabled }) => [
    `rules toggle ${number}`,
    (draft) => {
      requireRule(draft, number, id);
      const toggled = toggleRule(draft, number, enabled);
      return `switched ${toggled.rule.enabled ? "on" : "off"} ${describeRule(toggled)}`;
    },
  ]);
  route("/rules/move", moveRuleRequest, ({ number, id, to }) => [
    `rules move ${number} ${to}`,
    (draft) => {
      requireRule(draft, number, id);
      return `moved rule ${number} to ${describeRule(moveRule(draft, number, to))}`;
    },
  ]);
  route("/icmp", changeIcmpRequest, ({ blocked }) => [
    `icmp ${blocked ? "block" : "allow"}`,
    (draft) => {
      setIcmpBlocked(draft, blocked);
      return isIcmpBlocked(draft) ? "incoming ICMP is blocked" : "no rule blocks ICMP as such";
    },
  ]);
  route("/default-policy", changeDefaultRequest, ({ action }) => [
    `default policy ${action}`,
    (draft) => {
      draft.default_policy = action;
      return `what no rule matches is ${action === "allow" ? "allowed" : "blocked"}`;
    },
  ]);
  route("/feeds", changeFeedRequest, ({ name, enabled }) => [
    `threats feeds ${enabled ? "enable" : "disable"} ${quote(name)}`,
    (draft) => switchFeed(draft, name, enabled),
  ]);
  addListRoute(app, edits);
  addPendingRoutes(app, edits);
}

function addListRoute(app: Hono, edits: () => EditControl): void {
  app.post("/lists/:name{blacklist|whitelist}", (context) =>
    respond(context, async () => {
      const list = context.req.param("name") as ListName;
      const { add = [], remove = [], force, confirm } = await readBody(
        context,
        changeListRequest,
      );
      if (add.length + remove.length === 0) {
        throw new PfwError("wrong request", "`add` and `remove` are empty", "", ExitCode.usage);
      }
      const command = [
        list,
        ...add.slice(0, 3).map((address) => `+${address}`),
        ...remove.slice(0, 3).map((address) => `-${address}`),
      ].join(" ");
      return await edits().change(command, { force, confirm }, (draft) => {
        const removed = remove.length > 0 ? removeAddresses(draft, list, remove) : [];
        const { added, alreadyThere } = addAddresses(draft, list, add);
        return [
          added.length > 0 ? `added ${named(added)} to the ${list}` : "",
          removed.length > 0 ? `removed ${named(removed)} from the ${list}` : "",
          alreadyThere.length > 0 ? `${named(alreadyThere)} already there` : "",
        ].filter((part) => part !== "").join(", ");
      });
    }));
}

function addPendingRoutes(app: Hono, edits: () => EditControl): void {
  app.post("/change/confirm", (context) => respond(context, () => edits().confirm()));
  app.post("/change/revert", (context) => respond(context, () => edits().revert()));
}

/** Numbers shift when somebody else adds or moves a rule; what a rule says does not. */
function requireRule(draft: ConfigDraft, number: number, id: string): void {
  const rules = (draft.rules ?? []).map((rule) => ruleSchema.parse(rule));
  if (ruleIds(rules)[number - 1] === id) return;
  throw new StaleError(
    "nothing was changed",
    `rule ${number} is another one by now`,
    "look at the rules again",
  );
}

function switchFeed(draft: ConfigDraft, name: string, enabled: boolean): string {
  const feed = (draft.threat_feeds ?? []).find((one) => one.name === name);
  if (!feed) {
    const why = `no feed is called ${quote(name)}`;
    throw new PfwError("nothing was changed", why, "see pfw threats feeds", ExitCode.usage);
  }
  feed.enabled = enabled;
  return `switched ${enabled ? "on" : "off"} the feed ${quote(name)}`;
}

/** At most so many addresses are named one by one. */
const NAMED = 5;

function named(addresses: readonly string[]): string {
  return addresses.length <= NAMED ? addresses.join(", ") : `${addresses.length} addresses`;
}
