/**
 * What every command shows: played with the real pfw, compared with the files in `golden/`.
 * `PFW_UPDATE_GOLDEN=1` writes those anew; what they then say is to be read.
 */
import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { buildProgram } from "../../cli/program.ts";
import { commandPaths } from "./transcripts/commands.ts";
import { expectedText, GOLDEN, goldenFile, goldenText, playAll } from "./transcripts/golden.ts";
import { nobodyProblem } from "./transcripts/play.ts";
import { TRANSCRIPTS } from "./transcripts/transcripts.ts";

const note = nobodyProblem ? ` (without root left out: ${nobodyProblem})` : "";

for (const transcript of TRANSCRIPTS) {
  const { command } = transcript;
  Deno.test(`${command === "pfw" ? command : `pfw ${command}`}: what it shows${note}`, async () => {
    const sections = await playAll(transcript);
    const text = goldenText(sections);
    const file = goldenFile(command);
    if (Deno.env.get("PFW_UPDATE_GOLDEN") === "1" && !nobodyProblem) {
      Deno.writeTextFileSync(file, text);
    }
    equal(text, expectedText(file, transcript));
  });
}

Deno.test("transcripts: every command has one, with the scenes that all must have", () => {
  const commands = ["pfw", ...commandPaths(buildProgram())].toSorted();
  deepEqual(TRANSCRIPTS.map(({ command }) => command).toSorted(), commands);
  for (const { command, scenes } of TRANSCRIPTS) {
    const kinds = new Set(scenes.map(({ kind }) => kind));
    for (const kind of ["normal", "no root", "wrong usage"] as const) {
      // What they do to and say of a kernel is for the tests with namespaces.
      if (kind === "normal" && (command === "cleanup" || command === "doctor")) continue;
      equal(kinds.has(kind), true, `pfw ${command}: ${kind}`);
    }
  }
});

Deno.test("transcripts: no file is left of a command that is gone", () => {
  const files = [...Deno.readDirSync(GOLDEN)].map(({ name }) => `${GOLDEN}/${name}`);
  deepEqual(files.toSorted(), TRANSCRIPTS.map(({ command }) => goldenFile(command)).toSorted());
});

Deno.test("transcripts: an error is one line, without a trace of the program", () => {
  for (const { command } of TRANSCRIPTS) {
    for (const block of Deno.readTextFileSync(goldenFile(command)).split(/^(?=\$ )/m)) {
      const exit = /^\[exit (\d+)\]$/m.exec(block)?.[1];
      if (exit !== undefined) match(exit, /^[124]$/, block);
      const spoken = block.split("\n").filter((line) => line.startsWith("2> "));
      // A word that needs another one: its help is the error.
      if (exit === "2" && spoken[0].startsWith("2> Usage: ")) continue;
      for (const line of spoken) {
        match(line, /^2> (pfw: .+: .+|The (black|white)list is empty\. .+)$/, block);
        doesNotMatch(line, /os error|\.ts:\d|Error:|\[object |undefined/, block);
      }
      const errors = spoken.filter((line) => /^2> pfw: (?!warning: )/.test(line));
      equal(errors.length, exit === undefined ? 0 : 1, block);
    }
  }
});
