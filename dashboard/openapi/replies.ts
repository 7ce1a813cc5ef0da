/** Answers that several routes have in common. */
import * as z from "zod";
import { failure } from "./changing.ts";
import type { Reply } from "./operation.ts";

const error = (description: string, code: string, text: string): Reply => ({
  description,
  schema: failure,
  example: { error: text, code, exitCode: code === "invalid" ? 2 : 1 },
});

const tooMany: Reply = {
  ...error("Too often; see `Retry-After`.", "too_many", "too many requests; wait 5 s"),
  headers: { "Retry-After": z.int().min(1).describe("Seconds.") },
};

/** Of everything that the dashboard refuses. */
export const REFUSED: Readonly<Record<string, Reply>> = {
  "401": error("No session and no token, or a wrong one.", "unauthorized", "sign in again"),
  "429": tooMany,
  "default": { description: "Anything else that is refused or that failed.", schema: failure },
};

/** And of a request that is judged. */
export const JUDGED: Readonly<Record<string, Reply>> = {
  ...REFUSED,
  "422": error("The request is wrong, or could not be done.", "invalid", "`port` is not a port"),
};

/** And of a change. */
export const CHANGE_REFUSED: Readonly<Record<string, Reply>> = {
  ...JUDGED,
  "409": {
    description: "`would_cut`: it cuts off whoever works on this machine. `stale`: the rules are " +
      "not those that the request speaks of.",
    schema: failure,
    example: {
      error: "this would cut the SSH session from 192.0.2.7 (rule 1)",
      code: "would_cut",
      exitCode: 1,
      cuts: [{ lifeline: "the SSH session from 192.0.2.7", by: 'rule 1 "No SSH"' }],
    },
  },
};
