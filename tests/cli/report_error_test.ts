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

Deno.test("a file that cannot be used: why and what to do, in no words of the system's", async () => {
  await using box = new Sandbox();
  box.writeConfig({});
  Deno.symlinkSync("loop", box.path("loop"));
  Deno.symlinkSync("nowhere", box.path("link"));
  Deno.writeTextFileSync(box.path("file"), "{}");
  Deno.mkdirSync(box.path("taken/firewall.db"), { recursive: true });
  const nowhere =
    "it is a link that leads nowhere; put back the file that it names, or remove the link";
  const otherData = "choose another directory with --data-dir";
  const cases: readonly (readonly [line: string, code: number, said: string])[] = [
    ["rules check loop", 2, "cannot read loop: its links lead in a circle; name another file"],
    ["rules check link", 2, `cannot read link: ${nowhere}`],
    ["rules list --config link", 2, `cannot read link: ${nowhere}`],
    ["rules check --config link", 2, `cannot read link: ${nowhere}`],
    [
      "rules list --config file/x",
      2,
      "cannot read file/x: a part of its path is no directory; name another file",
    ],
    [
      "start --read file --record --data-dir file",
      1,
      "cannot make the directory file: there is something else of that name; " +
      "choose another directory (see --help)",
    ],
    [
      "stats --data-dir file",
      1,
      `cannot read database file/firewall.db: not a directory; ${otherData}`,
    ],
    [
      "logs --data-dir taken",
      1,
      `cannot read database taken/firewall.db: it is a directory; ${otherData}`,
    ],
    ["rules check ", 2, "wrong usage: the name of the file is empty; name a file"],
    ["start --read ", 2, "wrong usage: --read is empty; name a file"],
  ];
  for (const [line, expected, said] of cases) {
    const { code, out, err } = await box.pfw(...line.split(" "));
    deepEqual([code, out, err], [expected, "", `pfw: ${said}\n`], line);
  }
  match(
    (await box.pfw("start", "--read", "gone")).err,
    /; name a file as `tcpdump -w` writes it\n$/,
  );
  match((await box.pfw("doctor", "--config", "link")).out, /it is a link that leads nowhere/);
});
