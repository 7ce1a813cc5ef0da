/**
 * Every command says with `--json` what its schema in `docs/json/` says: all scenes of the
 * transcripts once more, with `--json`.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { schemaFileName, SCHEMAS, schemaText } from "../../cli/json/schemas.ts";
import { SCHEMA_DIRECTORY } from "../../cli/json/write_schemas.ts";
import { buildProgram } from "../../cli/program.ts";
import { requireDocument } from "./json_documents.ts";
import { commandPaths } from "./transcripts/commands.ts";
import { recorded } from "./transcripts/found.ts";
import { inTurns, isPlayable, nobodyProblem, play, type Played } from "./transcripts/play.ts";
import { running } from "./transcripts/running.ts";
import { type Kind, scene, wordsOf } from "./transcripts/scene.ts";
import { TRANSCRIPTS } from "./transcripts/transcripts.ts";
import { Sandbox } from "../support/sandbox.ts";
import { spawnPfw } from "./logs_support.ts";

const OLD_WORDS: readonly string[] = ["list", "add", "remove", "toggle"];

/** The name of the schema of a command. */
function schemaName(command: string): string {
  return OLD_WORDS.includes(command) ? `rules ${command}` : command;
}

Deno.test("schemas: every command has one, and no other has", () => {
  const commands = new Set(commandPaths(buildProgram()).map(schemaName));
  for (const variant of ["start --read", "logs --follow"]) commands.add(variant);
  deepEqual(Object.keys(SCHEMAS).toSorted(), [...commands].toSorted());
});

Deno.test("schemas: the files are what `deno task schemas` makes", () => {
  const names = Object.keys(SCHEMAS).map(schemaFileName);
  const files = [...Deno.readDirSync(SCHEMA_DIRECTORY)].map(({ name }) => name)
    .filter((name) => name.endsWith(".schema.json"));
  deepEqual(files.toSorted(), names.toSorted());
  for (const command of Object.keys(SCHEMAS)) {
    const text = Deno.readTextFileSync(`${SCHEMA_DIRECTORY}/${schemaFileName(command)}`);
    equal(text, schemaText(command), `${schemaFileName(command)}: run deno task schemas`);
    const { $schema, title, description } = JSON.parse(text);
    equal($schema, "https://json-schema.org/draft/2020-12/schema");
    equal(title, `pfw ${command}`);
    match(description, /^[A-Z].+\.$/);
  }
});

/** Scenes in which something is printed; what is refused prints none, and the transcripts have it. */
const TELLING: readonly Kind[] = ["normal", "running", "not running", "empty", "unknown"];

/** Schemas that something printed by a command was held against. */
const used = new Set<string>();

for (const { command, scenes } of TRANSCRIPTS) {
  if (command === "pfw" || OLD_WORDS.includes(command)) continue;
  const note = nobodyProblem ? ` (without root left out: ${nobodyProblem})` : "";
  Deno.test(`pfw ${command} --json: what its schema says${note}`, async () => {
    const told = scenes.filter((one) => TELLING.includes(one.kind) || command === "doctor");
    await inTurns(
      told.filter(isPlayable),
      (one) => play(one, ["--json"], (played) => look(command, played)),
    );
  });
}

function look(command: string, { step: { line }, code, out, err }: Played): void {
  const words = wordsOf(line);
  if (line.includes("--help") || line.includes("--format csv")) return;
  const own = command.split(" ");
  // A scene may use other commands to get where it wants to be.
  const isOwn = own.every((word, at) => words[at] === word) || own.at(-1) === "list";
  if (!isOwn) return;
  const name = words.includes("--read") ? "start --read" : nameIn(words) ?? command;
  if (code === 0) ok(out !== "", `pfw ${line} --json prints a document`);
  else match(err, /^pfw: .+\n$/m, line);
  equal(out.includes("\x1b"), false, line);
  if (out === "") return;
  requireDocument(name, out);
  used.add(name);
}

/** The command that a line names; `undefined` where it leaves `list` out. */
function nameIn(words: readonly string[]): string | undefined {
  const names = Object.keys(SCHEMAS).filter((name) =>
    name.split(" ").every((word, at) => words[at] === word)
  );
  return names[0];
}

Deno.test("schemas: lines of logs --follow and of stats --watch", async () => {
  await using box = new Sandbox();
  await recorded(box);
  const lines = await someLines(box.paths.dataDir, ["logs", "--follow", "--json"]);
  equal(lines.length >= 4, true);
  for (const line of lines) requireDocument("logs --follow", line);
  used.add("logs --follow");
  const watched = await someLines(box.paths.dataDir, ["stats", "--watch", "--json"], 1);
  for (const line of watched) requireDocument("stats", line);
  equal(watched.length >= 1, true);
});

Deno.test("schemas: the man page, whose text is long", async () => {
  await play(scene("normal", "", ["man"]), ["--json"], ({ out }) => requireDocument("man", out));
  used.add("man");
});

Deno.test("schemas: logs --format json is the same as --json", async () => {
  const one = scene("normal", "", ["logs --format json", "logs --format json --json"], recorded);
  const texts: string[] = [];
  await play(one, [], ({ out }) => texts.push(out));
  equal(texts[0], texts[1]);
  requireDocument("logs", texts[0]);
});

/** What it prints, line by line, until there are so many; then it is told to end. */
async function someLines(directory: string, words: string[], wanted = 4): Promise<string[]> {
  const child = spawnPfw(directory, words);
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.split("\n").length > wanted) break;
  }
  child.kill("SIGINT");
  await Promise.all([child.status, child.stderr.cancel()]);
  return text.split(/(?<=\n)/).filter((line) => line.endsWith("\n"));
}

Deno.test("schemas: a change that waits stands in what status says", async () => {
  const waiting = scene("running", "", [
    "rules toggle 1 --confirm 600 --json",
    "status --json",
    "rules confirm --json",
  ], running());
  const documents: unknown[] = [];
  await play(waiting, [], ({ step, out }) => {
    documents.push(requireDocument(nameIn(wordsOf(step.line))!, out));
  });
  const [toggled, status] = documents as [{ confirm: object }, { pending: object | null }];
  ok(toggled.confirm);
  ok(status.pending);
});

// Last: what the tests above have not used is a schema that nothing holds to the truth.
Deno.test({
  name: "schemas: each was held against a document (those of the kernel: with a namespace)",
  ignore: nobodyProblem !== "",
  fn: () => {
    const unused = Object.keys(SCHEMAS).filter((name) => !used.has(name));
    deepEqual(unused, ["start", "cleanup"]);
  },
});
