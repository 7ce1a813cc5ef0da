import { equal, match, ok, rejects } from "node:assert/strict";
import { ExitCode, PfwError } from "../../engine/errors.ts";
import {
  CommandError,
  runOrThrow,
  runThenRead,
  SystemCommands,
} from "../../engine/kernel/command.ts";

const commands = new SystemCommands();

Deno.test("a command gets its input whole and speaks the language of machines", async () => {
  const pieces = Array.from({ length: 40 }, (_, at) => `${at}`.padStart(65_536, "x"));
  equal(await runOrThrow(commands, ["cat"], pieces), pieces.join(""));
  equal(await runOrThrow(commands, ["sh", "-c", "echo $LC_ALL"]), "C\n");
  equal(await runOrThrow(commands, ["cat"]), "", "without input there is none to wait for");
});

Deno.test("a command may end before it has read its input", async () => {
  const { status } = await commands.run(["true"], "x".repeat(1_000_000));
  equal(status, 0);
});

Deno.test("a failure carries command, status and complaint", async () => {
  const script = "echo '# Warning: noise' >&2; echo 'line 3 is wrong' >&2; exit 3";
  await rejects(runOrThrow(commands, ["sh", "-c", script]), (error) => {
    ok(error instanceof CommandError);
    equal(error.output.status, 3);
    equal(error.argv[0], "sh");
    match(error.message, /: line 3 is wrong \(status 3\)$/);
    return true;
  });
});

Deno.test("a program that is not installed is named with its package", async () => {
  const absent = new SystemCommands(["ip6tables-that-nobody-has"]);
  await rejects(absent.run([]), (error) => {
    ok(error instanceof PfwError);
    equal(error.exitCode, ExitCode.missing);
    match(error.message, /not installed; install the package iptables/);
    return true;
  });
});

Deno.test("what is read after a command is what it left, and a failure is its own", async () => {
  const file = await Deno.makeTempFile();
  try {
    const write = ["sh", "-c", 'cat > "$0"; echo noise', file];
    equal(await runThenRead(commands, write, "it's\nso", ["cat", file]), "it's\nso");
    await rejects(runThenRead(commands, ["sh", "-c", "echo no >&2; exit 3"], "", ["cat", file]), {
      message: "sh -c echo no >&2; exit 3: no (status 3)",
    });
    await rejects(
      runThenRead(commands, ["true"], "", ["cat", `${file}.absent`]),
      /^CommandError: cat/,
    );
    await rejects(runThenRead(commands, ["iptables-absent"], "", ["true"]), {
      exitCode: ExitCode.missing,
    });
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("what hangs is ended in time, also behind a shell", async () => {
  const hasty = new SystemCommands([], 300);
  const started = performance.now();
  await rejects(runThenRead(hasty, ["sleep", "60"], "", ["true"]), /no end after 0.3 s/);
  equal(await hasty.runReaders([["true"], ["sleep", "60"]]), undefined);
  ok(performance.now() - started < 20_000);
});
