/** Routes of the dashboard that change something. */
import * as z from "zod";
import { bans, threats } from "./asking.ts";
import {
  addBans,
  addRule,
  change,
  changeDefault,
  changeFeed,
  changeIcmp,
  changeList,
  changeMode,
  changeRule,
  moveRule,
  removeBans,
  replaceRule,
  toggleRule,
  updateFeeds,
} from "./changing.ts";
import type { Body, Operation, Reply } from "./operation.ts";
import { CHANGE_REFUSED, JUDGED } from "./replies.ts";

const DONE: Reply = {
  description: "Done, and the kernel has it where `inKernel` says so.",
  schema: change,
  example: {
    done: 'added rule 3 "No SMTP"',
    changed: true,
    inKernel: true,
    milliseconds: 42,
    pending: null,
    notices: [],
  },
};

/** A change of the configuration. */
function changing(path: string, id: string, summary: string, request?: Body): Operation {
  const answers = { ...CHANGE_REFUSED, "200": DONE };
  return {
    door: "dashboard",
    method: "POST",
    tag: "Changing",
    path,
    id,
    summary,
    request,
    answers,
  };
}

const which = { number: 3, id: "1f0c9a3e" };
const rule = { name: "No SMTP", action: "block", protocol: "tcp", ports: [25] };

const CONFIGURATION: readonly Operation[] = [
  changing("/api/rules/add", "addRule", "Adds a rule.", { schema: addRule, example: { rule } }),
  changing("/api/rules/replace", "replaceRule", "Gives a rule other words.", {
    schema: replaceRule,
    example: { ...which, rule, confirm: 60 },
  }),
  changing("/api/rules/remove", "removeRule", "Removes a rule.", {
    schema: changeRule,
    example: which,
  }),
  changing("/api/rules/toggle", "toggleRule", "Switches a rule on or off.", {
    schema: toggleRule,
    example: { ...which, enabled: false },
  }),
  changing("/api/rules/move", "moveRule", "Puts a rule in another place.", {
    schema: moveRule,
    example: { ...which, to: 1 },
  }),
  {
    ...changing("/api/lists/:name", "changeList", "Adds to a list and removes from it.", {
      schema: changeList,
      example: { add: ["203.0.113.0/24"], remove: ["198.51.100.7"] },
    }),
    parameters: [
      { name: "name", in: "path", schema: z.enum(["blacklist", "whitelist"]).describe("Which.") },
    ],
  },
  changing("/api/icmp", "changeIcmp", "Blocks all incoming ICMP, or lets it be.", {
    schema: changeIcmp,
    example: { blocked: true },
  }),
  changing("/api/default-policy", "changeDefault", "Says what happens where no rule matches.", {
    schema: changeDefault,
    example: { action: "block", confirm: 60 },
  }),
  changing("/api/feeds", "changeFeed", "Switches a configured feed on or off.", {
    schema: changeFeed,
    example: { name: "Feodo Tracker", enabled: true },
  }),
  changing("/api/mode", "changeMode", "Begins to enforce, or only looks on.", {
    schema: changeMode,
    example: { mode: "monitor" },
  }),
  changing("/api/change/confirm", "confirmChange", "Keeps the change that waits."),
  changing("/api/change/revert", "revertChange", "Takes back the change that waits."),
];

const common = { door: "dashboard", method: "POST", tag: "Changing" } as const;

const BANS_AND_FEEDS: readonly Operation[] = [
  {
    ...common,
    path: "/api/bans",
    id: "addBans",
    summary: "Bans addresses for a time.",
    request: {
      schema: addBans,
      example: { addresses: ["203.0.113.7"], seconds: 3600, reason: "guesses passwords" },
    },
    answers: { ...CHANGE_REFUSED, "200": { description: "Those that were made.", schema: bans } },
  },
  {
    ...common,
    path: "/api/bans/remove",
    id: "removeBans",
    summary: "Lifts bans.",
    request: { schema: removeBans, example: { addresses: ["203.0.113.7"] } },
    answers: {
      ...JUDGED,
      "200": {
        description: "Those that were lifted.",
        schema: bans,
        example: { bans: [], unknown: ["203.0.113.7"], mode: "enforce" },
      },
    },
  },
  {
    ...common,
    path: "/api/threats/update",
    id: "updateFeeds",
    summary: "Begins to fetch feeds; `GET /api/threats` tells how it goes.",
    request: { schema: updateFeeds, example: { names: ["Feodo Tracker"] } },
    answers: { ...JUDGED, "200": { description: "How the feeds are now.", schema: threats } },
  },
];

/** All of them. */
export const CHANGING_ROUTES: readonly Operation[] = [...CONFIGURATION, ...BANS_AND_FEEDS];
