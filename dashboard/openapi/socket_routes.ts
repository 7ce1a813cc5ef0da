/** Routes of the control socket, which the commands ask; only its owner may open it. */
import * as z from "zod";
import { mode, text } from "../../engine/control/schemas/parts.ts";
import { bans, explainAnswer, lifelines, ruleHits, stats, status, threats } from "./asking.ts";
import { addBans, explain, failure, reload, removeBans, updateFeeds } from "./changing.ts";
import { answer } from "./names.ts";
import type { Body, Operation, Reply } from "./operation.ts";

const reloaded = answer(
  "Reloaded",
  z.strictObject({
    summary: text("The policy in one line."),
    notice: text("What went wrong without taking the change back.").optional(),
    mode,
  }),
);

const otherConfig = answer(
  "OtherConfig",
  z.strictObject({ otherConfig: text("The configuration of the pfw that runs.") }),
);

const stopping = answer(
  "Stopping",
  z.strictObject({
    stopping: z.literal(true),
    onExit: z.enum(["remove", "keep"]).describe(
      "What becomes of its rules in the kernel, if it has any.",
    ),
  }),
);

const REFUSED: Readonly<Record<string, Reply>> = {
  "default": { description: "Why not.", schema: failure },
};

const UNFIT: Readonly<Record<string, Reply>> = {
  ...REFUSED,
  "404": { description: "This pfw was started without that part.", schema: failure },
  "422": {
    description: "The request is wrong, or could not be done.",
    schema: failure,
    example: {
      error: "wrong request: `seconds` is not a whole number",
      code: "invalid",
      exitCode: 2,
    },
  },
};

const common = { door: "socket", tag: "Control socket" } as const;

const get = (path: string, id: string, summary: string, schema: z.ZodType): Operation => ({
  ...common,
  method: "GET",
  path,
  id,
  summary,
  answers: { ...UNFIT, "200": { description: "The answer.", schema } },
});

const post = (
  path: string,
  id: string,
  summary: string,
  request: Body | undefined,
  answers: Operation["answers"],
): Operation => ({ ...common, method: "POST", path, id, summary, request, answers });

const ok = (schema: z.ZodType, example?: unknown): Operation["answers"] => ({
  ...UNFIT,
  "200": { description: "Done.", schema, example },
});

/** All of them. */
export const SOCKET_ROUTES: readonly Operation[] = [
  get("/status", "socketStatus", "How the running pfw is.", status),
  get("/stats", "socketStats", "Counters since the start.", stats),
  get("/rules", "socketRuleHits", "What the kernel counted for each rule.", ruleHits),
  get("/lifelines", "socketLifelines", "What must not be cut.", lifelines),
  get("/threats", "socketThreats", "The threat feeds.", threats),
  get("/bans", "socketBans", "The bans in force.", bans),
  post(
    "/reload",
    "socketReload",
    "Reads the configuration again.",
    { schema: reload, example: {} },
    {
      ...ok(reloaded, { summary: "default allow, 3 rules, black 0, white 2", mode: "enforce" }),
      "409": { description: "The pfw that runs has another configuration.", schema: otherConfig },
    },
  ),
  post("/threats/update", "socketUpdateFeeds", "Begins to fetch feeds.", {
    schema: updateFeeds,
  }, ok(threats)),
  post("/bans", "socketAddBans", "Bans addresses for a time.", { schema: addBans }, ok(bans)),
  post("/bans/remove", "socketRemoveBans", "Lifts bans.", { schema: removeBans }, ok(bans)),
  post("/explain", "socketExplain", "What becomes of a connection.", {
    schema: explain,
  }, ok(explainAnswer)),
  post(
    "/stop",
    "socketStop",
    "Ends pfw in good order.",
    undefined,
    ok(stopping, { stopping: true, onExit: "remove" }),
  ),
];
