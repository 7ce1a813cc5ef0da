/** Schemas of requests and of what a change is answered with. */
import * as z from "zod";
import * as requests from "../../engine/control/edit_requests.ts";
import type { ReloadRequest } from "../../engine/control/client.ts";
import type {
  BanRequest,
  UnbanRequest,
  UpdateRequest,
} from "../../engine/control/intel_control.ts";
import { MOST_ADDRESSES } from "../../engine/control/intel_control.ts";
import { ERROR_CODES } from "../../engine/control/respond.ts";
import { address, flag, text } from "../../engine/control/schemas/parts.ts";
import { ruleSchema } from "../../engine/policy/schema.ts";
import { MAX_DURATION } from "../../engine/policy/units.ts";
import type {
  AddRule,
  ChangeAnswer,
  ChangeDefault,
  ChangeFeed,
  ChangeIcmp,
  ChangeList,
  ChangeMode,
  ChangeRule,
  ErrorAnswer,
  ExplainRequest,
  FieldProblem,
  LoginRequest,
  MoveRule,
  ReplaceRule,
  ToggleRule,
} from "../contract.ts";
import { pending } from "./asking.ts";
import { answer, request } from "./names.ts";
import type { AllTrue, Same, Takes } from "./tie.ts";

/** A rule as it is given: what has a default may be left out. */
export const ruleDraft = request("RuleDraft", ruleSchema);

export const login = request(
  "LoginRequest",
  z.strictObject({ token: text("As `pfw start --dashboard` prints it: `/#token=…`.") }),
);

export const addRule = request("AddRule", requests.addRuleRequest);
export const replacingRule = request("ReplacingRule", requests.replacingRule);
export const replaceRule = request("ReplaceRule", requests.replaceRuleRequest);
export const changeRule = request("ChangeRule", requests.changeRuleRequest);
export const toggleRule = request("ToggleRule", requests.toggleRuleRequest);
export const moveRule = request("MoveRule", requests.moveRuleRequest);
export const changeList = request("ChangeList", requests.changeListRequest);
export const changeIcmp = request("ChangeIcmp", requests.changeIcmpRequest);
export const changeDefault = request("ChangeDefault", requests.changeDefaultRequest);
export const changeFeed = request("ChangeFeed", requests.changeFeedRequest);
export const changeMode = request("ChangeMode", requests.changeModeRequest);

const addresses = z.array(address()).max(MOST_ADDRESSES);

export const addBans = request(
  "BanRequest",
  z.strictObject({
    addresses: addresses.min(1),
    seconds: z.int().min(1).max(MAX_DURATION),
    reason: text("For people, in one line."),
    force: flag("Also what the machine or its operator depends on.").optional(),
    session: address("The other end of the SSH session that the command is given in.").optional(),
  }),
);

export const removeBans = request(
  "UnbanRequest",
  z.strictObject({ addresses: addresses.min(1) }),
);

export const updateFeeds = request(
  "UpdateRequest",
  z.strictObject({
    names: z.array(z.string()).min(1).optional().describe("All enabled ones unless given."),
    force: flag("Takes a list that shrank or changed its form.").optional(),
  }),
);

export const explain = request(
  "ExplainRequest",
  z.strictObject({
    address: z.string().describe("The other end: one IPv4 or IPv6 address."),
    direction: z.enum(["in", "out"]).describe("Who opens the connection: in, the other end."),
    protocol: z.enum(["tcp", "udp", "icmp"]).optional(),
    port: z.int().min(1).max(65535).optional(),
  }),
);

export const reload = request(
  "ReloadRequest",
  z.strictObject({
    config: text("Only a pfw that uses this file reloads.").optional(),
    isJudged: flag("Whoever asks has seen to it that no lifeline is cut.").optional(),
    command: text("What was done, for the history.").optional(),
    user: text("By whom.").optional(),
  }),
);

export const change = answer(
  "ChangeAnswer",
  z.strictObject({
    done: text('For people: `added rule 3 "No SMTP"`.'),
    changed: flag("False where everything was so already."),
    inKernel: flag("Whether the kernel enforces it now."),
    milliseconds: z.number().min(0).describe("From the request to the kernel's answer."),
    pending: pending.nullable(),
    notices: z.array(z.string()).describe("What is to be known beside it."),
  }),
);

export const fieldProblem = answer(
  "FieldProblem",
  z.strictObject({
    path: text("`rule.ports[0]`; empty where the whole request is meant."),
    message: text("For people, without the path."),
  }),
);

export const failure = answer(
  "ErrorAnswer",
  z.strictObject({
    error: text("For people, in one line, with what to do about it on a command line."),
    plain: text("The same without that, for a page; absent where it is the same.").optional(),
    code: z.enum(ERROR_CODES).describe(
      "would_cut: ask the person, then send it again with `force`; stale: somebody else changed " +
        "the rules, load them again; too_many: see `Retry-After`.",
    ),
    exitCode: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(4)])
      .describe("What a command that asked should end with."),
    cuts: z.array(z.strictObject({
      lifeline: text("What is cut."),
      by: text("What cuts it."),
    })).optional().describe("With would_cut."),
    problems: z.array(fieldProblem).optional().describe(
      "With invalid, where it is the request's values that are.",
    ),
  }),
);

/** Holds the schemas to the types. */
export type ChangingTies = AllTrue<[
  Takes<LoginRequest, typeof login>,
  Takes<AddRule, typeof addRule>,
  Takes<ReplaceRule, typeof replaceRule>,
  Takes<ChangeRule, typeof changeRule>,
  Takes<ToggleRule, typeof toggleRule>,
  Takes<MoveRule, typeof moveRule>,
  Takes<ChangeList, typeof changeList>,
  Takes<ChangeIcmp, typeof changeIcmp>,
  Takes<ChangeDefault, typeof changeDefault>,
  Takes<ChangeFeed, typeof changeFeed>,
  Takes<ChangeMode, typeof changeMode>,
  Takes<BanRequest, typeof addBans>,
  Takes<UnbanRequest, typeof removeBans>,
  Takes<UpdateRequest, typeof updateFeeds>,
  Takes<ExplainRequest, typeof explain>,
  Takes<ReloadRequest, typeof reload>,
  Same<ChangeAnswer, typeof change>,
  Same<FieldProblem, typeof fieldProblem>,
  Same<ErrorAnswer, typeof failure>,
]>;
