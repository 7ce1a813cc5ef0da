/** The route by which commands have the running pfw change its configuration. */
import type { Hono } from "hono";
import { errorText, ExitCode, PfwError } from "../errors.ts";
import { type EditName, isEditName } from "../policy/edits.ts";
import type { EditAnswer, EditRequest } from "./edit_by_running.ts";

/** Who makes changes. */
export interface Editing {
  /**
   * @param isGone whether whoever asks has given up
   * @returns `undefined` where the request speaks of other files than this pfw's
   */
  edit?(request: EditRequest, isGone: () => boolean): Promise<EditAnswer | undefined>;
}

/** Adds it. */
export function addEditRoute(app: Hono, pfw: Editing): void {
  app.post("/edit", async (context) => {
    if (!pfw.edit) return context.json({}, 404);
    const { signal } = context.req.raw;
    try {
      const request = readRequest(await context.req.json().catch(() => undefined));
      const answer = await pfw.edit(request, () => signal.aborted);
      return answer ? context.json(answer) : context.json({}, 409);
    } catch (error) {
      return context.json(refusal(error), 422);
    }
  });
}

/** What each change needs is judged by the change itself. */
function readRequest(body: unknown): EditRequest {
  const { config, dataDir, name, input, command, user, force, session } = (body ?? {}) as Partial<
    Record<keyof EditRequest, unknown>
  >;
  const isWhole = [config, dataDir, command, user].every((text) => typeof text === "string") &&
    typeof input === "object" && input !== null && typeof force === "boolean";
  if (!isWhole || !isEditName(name)) {
    throw new PfwError("wrong request", "it does not say what to change", "", ExitCode.usage);
  }
  return { config, dataDir, name, input, command, user, force, session } as EditRequest<EditName>;
}

function refusal(error: unknown) {
  if (error instanceof PfwError) {
    const { what, why, next, exitCode } = error;
    return { what, why, next, exitCode };
  }
  const exitCode = ExitCode.failed;
  return { what: "cannot make this change", why: errorText(error), next: "", exitCode };
}
