import assert from "node:assert/strict";
import { join } from "node:path";
import { AppLog, openLog } from "../../engine/observe/application_log.ts";
import { resolvePaths } from "../../engine/paths.ts";

function withDirectory(work: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync({ prefix: "pfw-log-" });
  try {
    work(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const LINE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARNING|ERROR) .+$/;

Deno.test("lines carry time, level and message, at once and after what is there", () => {
  withDirectory((directory) => {
    const paths = resolvePaths({ logDir: join(directory, "log") });
    for (const word of ["first", "second"]) {
      const log = openLog(paths);
      log.info(`${word} information`);
      log.warn(`${word} warning`);
      log.error(`${word} error`);
      if (word === "second") {
        assert.equal(Deno.readTextFileSync(paths.log).split("\n").length, 7, "before closing");
      }
      log.close();
    }
    const lines = Deno.readTextFileSync(paths.log).trimEnd().split("\n");
    for (const line of lines) assert.match(line, LINE);
    assert.deepEqual(lines.map((line) => line.slice(25)), [
      "INFO first information",
      "WARNING first warning",
      "ERROR first error",
      "INFO second information",
      "WARNING second warning",
      "ERROR second error",
    ]);
    assert.equal(Deno.statSync(paths.log).mode! & 0o037, 0, "not for everyone to read");
  });
});

Deno.test("control characters can forge neither a line nor a colour", () => {
  withDirectory((directory) => {
    const log = new AppLog(join(directory, "firewall.log"));
    log.info("rule \x1b[31mred\x1b[0m\r\n2026-01-01T00:00:00.000Z ERROR forged\u2028\x9b0m\x00");
    log.info("x".repeat(100_000));
    log.close();
    const text = Deno.readTextFileSync(join(directory, "firewall.log"));
    assert.equal(text.trimEnd().split("\n").length, 2);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text.replaceAll("\n", ""), /[\x00-\x1f\x7f-\x9f\u2028]/);
    assert.match(text, /rule \\u001b\[31mred\\u001b\[0m\\u000d\\u000a2026/);
    assert.ok(text.length < 10_000);
  });
});

Deno.test("the file is rotated, and five older ones are kept", () => {
  withDirectory((directory) => {
    const path = join(directory, "firewall.log");
    const log = new AppLog(path, { maxSize: 1_000 });
    for (let line = 0; line < 200; line++) log.info(`line ${line} ${"x".repeat(60)}`);
    log.close();
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["", ".1", ".2", ".3", ".4", ".5"].map((end) => `firewall.log${end}`));
    for (const name of names) assert.ok(Deno.statSync(join(directory, name)).size <= 1_000);
    assert.match(Deno.readTextFileSync(path), /line 199 /);
    assert.equal(log.linesLost, 0);
  });
});

Deno.test("a log that cannot be opened is said once; lines are counted as lost", () => {
  withDirectory((directory) => {
    const path = join(directory, "firewall.log");
    Deno.mkdirSync(path);
    const said: string[] = [];
    const log = new AppLog(path, { complain: (text) => said.push(text) });
    for (let line = 0; line < 3; line++) log.warn("something");
    log.close();
    assert.equal(log.linesLost, 3);
    assert.deepEqual(said, [
      `pfw: cannot write ${path}: Is a directory; going on without it`,
    ]);
  });
});

Deno.test("a full disk does not end it", () => {
  withDirectory((directory) => {
    const path = join(directory, "firewall.log");
    Deno.symlinkSync("/dev/full", path);
    const said: string[] = [];
    const log = new AppLog(path, { complain: (text) => said.push(text) });
    for (let line = 0; line < 3; line++) log.info("something");
    log.close();
    assert.equal(log.linesLost, 3);
    assert.equal(said.length, 1);
    assert.match(said[0], /No space left on device; going on without it/);
  });
});
