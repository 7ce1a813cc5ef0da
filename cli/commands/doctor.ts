/** `pfw doctor`: each thing that pfw needs on this machine. */
import type { Command } from "commander";
import type { Diagnosis } from "../../engine/doctor.ts";
import { ExitCode, PfwError } from "../../engine/errors.ts";
import { contextOfNoPfw } from "../context.ts";
import { paint, print, printJson, renderTable } from "../output.ts";

const EXAMPLES = `
Examples:
  sudo pfw doctor           is all here that enforcing needs?
  pfw doctor --json         the same for a script: ready, checks[]
`;

/** Adds `doctor`. */
export function registerDoctor(program: Command): void {
  program.command("doctor")
    .description("check each thing that pfw needs on this machine")
    .addHelpText("after", EXAMPLES)
    .action(async (_options, command) => {
      const { paths, json } = contextOfNoPfw(command);
      const { diagnose } = await import("../../engine/doctor.ts");
      const diagnosis = await diagnose(paths);
      if (json) printJson(diagnosis);
      else print(diagnosisText(diagnosis));
      requireReady(diagnosis);
    });
}

const MARKS = { ok: ["green", "✓"], missing: ["red", "✗"], warning: ["yellow", "!"] } as const;

/** The table, and what to do below it where something is to be done. */
export function diagnosisText({ ready, checks }: Diagnosis): string {
  const columns = [{ title: "" }, { title: "what" }, { title: "found" }];
  const rows = checks.map(({ state, name, detail }) => {
    const [color, mark] = MARKS[state];
    return [paint(color, mark), name, detail];
  });
  const advice = checks.filter(({ state, fix }) => state !== "ok" && fix)
    .map(({ name, fix }) => `  ${name}: ${fix}`);
  const table = renderTable(columns, rows);
  if (advice.length > 0) return `${table}\n\nTo do:\n${advice.join("\n")}`;
  return ready ? `${table}\n\nAll that enforcing needs is here.` : table;
}

/** Throws where enforcing cannot work: exit 4, or 2 where the configuration alone is wrong. */
export function requireReady({ ready, checks }: Diagnosis): void {
  if (ready) return;
  const absent = checks.filter(({ state, needed }) => state === "missing" && needed);
  throw new PfwError(
    "this machine is not ready to enforce",
    absent.map(({ name }) => name).join(", "),
    "do what is said of each",
    absent.every(({ name }) => name === "configuration") ? ExitCode.usage : ExitCode.missing,
  );
}
