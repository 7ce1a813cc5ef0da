/** The one line that a command line which failed gets, whatever its words and files are. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { Sandbox } from "../support/sandbox.ts";

Deno.test("an error is one line that drives no terminal, whatever the words are", async () => {
  await using box = new Sandbox();
  const said = async (...words: string[]) => {
    const { code, out, err } = await box.pfw(...words);
    deepEqual([code, out], [2, ""], err);
    match(err, /^pfw: [\x20-\x7e…]+\n$/);
    return err;
  };
  equal(
    await said("\x1b[31mfoo"),
    "pfw: wrong usage: unknown command '\\x1b[31mfoo'; see pfw --help\n",
  );
  equal(
    await said("foo\nbar"),
    "pfw: wrong usage: unknown command 'foo\\x0abar'; see pfw --help\n",
  );
  equal(
    await said("rulse"),
    "pfw: wrong usage: unknown command 'rulse' (Did you mean rules?); see pfw --help\n",
  );
  match(await said("explain", "::1", "--protocol", "x\ny"), /'x\\x0ay' is invalid/);
  for (const words of [[], ["explain"], ["explain", "::1", "--port"], ["start", "--duration"]]) {
    ok((await said(...words, "1".repeat(50_000))).length < 500, words.join(" "));
  }
});

Deno.test("a standard output that cannot be written is named as such", async () => {
  await using box = new Sandbox();
  box.writeConfig({});
  const full = ["sh", "-c", 'exec "$@" >/dev/full', "sh"];
  const failed = "pfw: cannot write to standard output: no space left on device\n";
  for (const line of ["rules list", "rules export", "rules history", "--help", "status --json"]) {
    const { code, err } = await box.pfwThrough(full, "", line.split(" "));
    deepEqual([code, err], [1, failed], line);
  }
  // What cannot be said changes no exit code.
  const mute = ["sh", "-c", 'exec "$@" 2>/dev/full', "sh"];
  equal((await box.pfwThrough(mute, "", ["foo"])).code, 2);
});
