/** `rules history`, `rules rollback` and `rules confirm`. */
import { putInForce } from "../../engine/control/put_in_force.ts";
import { PfwError } from "../../engine/errors.ts";
import { replaceConfig } from "../../engine/policy/config_edit.ts";
import { type PendingChange, PendingFile } from "../../engine/policy/pending_change.ts";
import { type HistoryEntry, PolicyHistory } from "../../engine/policy/policy_history.ts";
import { confirmChange, returnIfDue } from "../../engine/policy/return_change.ts";
import type { ChangingContext, CommandContext } from "../context.ts";
import { formatBytes, print, printable, printJson, renderTable } from "../output.ts";
import { applySafely } from "./apply_edit.ts";
import { confirmFields, printEdited } from "./print_edited.ts";

/** Prints the entries, the newest last. */
export async function listHistory({ paths, json }: CommandContext): Promise<void> {
  const entries = await new PolicyHistory(paths.dataDir).entries();
  if (json) return printJson({ entries });
  if (entries.length === 0) {
    print("The history is empty: no policy was put in place yet.");
    return;
  }
  print(renderTable(
    [
      { title: "#", align: "right" },
      { title: "when" },
      { title: "by" },
      { title: "size", align: "right" },
      { title: "what", shrinkTo: 16 },
    ],
    entries.map(row),
  ));
}

function row({ number, at, user, bytes, command }: HistoryEntry): string[] {
  return [
    String(number),
    new Date(at).toLocaleString("sv"),
    user || "-",
    formatBytes(bytes),
    command,
  ];
}

/** Puts an entry in place again. */
export async function rollBack(context: ChangingContext, number: number): Promise<void> {
  const { config, dataDir } = context.paths;
  const text = await new PolicyHistory(dataDir).text(number);
  const edited = await applySafely(
    context,
    (guard, reload) => replaceConfig(config, text, reload, guard),
  );
  const done = edited.changed
    ? `back to entry ${number} of the history`
    : `entry ${number} is what the configuration says already`;
  printEdited(context, edited, done, { action: "rollback", number });
}

/** Keeps the change that waits; exit 1 when none does. */
export async function confirmRules({ paths, json }: CommandContext): Promise<void> {
  const returned = await returnIfDue(paths.dataDir, (config) => putInForce(paths, config));
  if (returned) throw tooLate(returned);
  const waiting = await new PendingFile(paths.dataDir).read();
  const kept = await confirmChange(paths.dataDir);
  if (!kept) {
    if (waiting) throw tooLate(waiting);
    throw new PfwError("nothing to confirm", "no change waits for it", "see pfw rules history");
  }
  if (json) return printJson({ confirmed: confirmFields(kept) });
  print(printable(`kept: ${kept.command} (by ${kept.user})`));
}

function tooLate({ command }: PendingChange): PfwError {
  return new PfwError(
    "nothing to confirm",
    `the time of \`${command}\` has run out, and the policy before it is back`,
    "make the change again",
  );
}
