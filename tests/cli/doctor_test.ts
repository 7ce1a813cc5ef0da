import assert from "node:assert/strict";
import { Command } from "commander";
import { diagnosisText, registerDoctor, requireReady } from "../../cli/commands/doctor.ts";
import type { Diagnosis } from "../../engine/doctor.ts";
import { PfwError } from "../../engine/errors.ts";
import { Output } from "../support/output.ts";

const libpcap = { name: "libpcap", needed: true };
const present: Diagnosis = {
  ready: true,
  checks: [{ ...libpcap, state: "ok", detail: "1.10.3", fix: "" }],
};
const absent: Diagnosis = {
  ready: false,
  checks: [
    { ...libpcap, state: "missing", detail: "not installed", fix: "apt install libpcap0.8" },
    { name: "disk space", needed: false, state: "warning", detail: "90 MB", fix: "make room" },
    { name: "ipset", needed: true, state: "ok", detail: "7.17", fix: "" },
  ],
};

Deno.test("doctor: the table where all is there", () => {
  assert.equal(
    diagnosisText(present),
    "   what     found\n✓  libpcap  1.10.3\n\nAll that enforcing needs is here.",
  );
});

Deno.test("doctor: the table says what to do about what is not", () => {
  assert.equal(
    diagnosisText(absent),
    [
      "   what        found",
      "✗  libpcap     not installed",
      "!  disk space  90 MB",
      "✓  ipset       7.17",
      "",
      "To do:",
      "  libpcap: apt install libpcap0.8",
      "  disk space: make room",
    ].join("\n"),
  );
});

Deno.test("doctor: exit 4 where something is missing, 2 where the configuration alone is wrong", () => {
  requireReady(present);
  const exitCode = (names: string[]) => {
    const checks = names.map((name) => ({ ...absent.checks[0], name }));
    try {
      requireReady({ ready: false, checks: [...checks, ...present.checks] });
    } catch (error) {
      assert.ok(error instanceof PfwError);
      assert.ok(error.message.includes(names.join(", ")));
      return error.exitCode;
    }
  };
  assert.equal(exitCode(["ipset"]), 4);
  assert.equal(exitCode(["ipset", "configuration"]), 4);
  assert.equal(exitCode(["configuration"]), 2);
});

Deno.test({
  name: "doctor: --json prints one document that names every check",
  // libpcap stays open until the process ends.
  sanitizeResources: false,
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "pfw-doctor-" });
    using printed = new Output();
    try {
      const program = new Command("pfw").option("--json").option("--config <file>")
        .option("--data-dir <dir>").option("--log-dir <dir>").option("--run-dir <dir>");
      registerDoctor(program);
      const dirs = ["--data-dir", directory, "--log-dir", directory, "--run-dir", directory];
      const config = ["--config", `${directory}/firewall_rules.json`];
      await program.parseAsync(["doctor", "--json", ...dirs, ...config], { from: "user" })
        .catch((error) => assert.ok(error instanceof PfwError, String(error)));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
    const { ready, checks } = JSON.parse(printed.text) as Diagnosis;
    const missing = checks.filter(({ state, needed }) => needed && state === "missing");
    assert.equal(ready, missing.length === 0);
    for (const name of ["privilege", "libpcap", "iptables", "ipset", "NFLOG target", "SQLite"]) {
      assert.ok(checks.some((check) => check.name === name), name);
    }
  },
});
