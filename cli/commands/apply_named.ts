/**
 * Runs a change that the running pfw knows by name: it makes it itself, for it has read the
 * configuration already. Where none runs, or another one, the command makes it.
 */
import { editByRunning } from "../../engine/control/edit_by_running.ts";
import { findOwnSession } from "../../engine/net/lifelines.ts";
import type { EditInputs, EditName, EditValues } from "../../engine/policy/edits.ts";
import type { ChangingContext } from "../context.ts";
import { warn } from "../output.ts";
import type { Applied } from "./apply_edit.ts";
import { returnOverdue } from "./return_overdue.ts";

/** Changes the configuration of this context; a running pfw takes it over before this returns. */
export async function applyNamed<Name extends EditName>(
  context: ChangingContext,
  name: Name,
  input: EditInputs[Name],
): Promise<Applied<EditValues[Name]>> {
  const { paths, request } = context;
  await returnOverdue(paths);
  const made = await editByRunning(paths, name, input, request, findOwnSession);
  if (!made) return await applyHere(context, name, input);
  for (const notice of made.notices) warn(notice);
  return { ...made, pending: undefined };
}

async function applyHere<Name extends EditName>(
  context: ChangingContext,
  name: Name,
  input: EditInputs[Name],
): Promise<Applied<EditValues[Name]>> {
  // Loaded only where it is needed: it takes as long as all the rest.
  const { applyEdit } = await import("./apply_edit.ts");
  const { performEdit } = await import("../../engine/policy/edits.ts");
  return await applyEdit(context, (draft) => performEdit(draft, name, input));
}
