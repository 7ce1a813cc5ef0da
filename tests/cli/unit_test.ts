import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { endReason } from "../../cli/commands/service_manager.ts";
import { Systemd } from "../../cli/install/systemd.ts";
import { unitText } from "../../cli/install/unit.ts";
import { installPlaces } from "../../engine/packages.ts";
import { ROOT } from "../support/pfw.ts";

/** Exposure, 0 to 10, that `systemd-analyze security` may find at most. */
const MOST_EXPOSED = 3.0;

/** Whether systemd-analyze can judge a unit that is not loaded; `--offline` came with 250. */
function canJudge(): boolean {
  try {
    const args = ["security", "--help"];
    const { stdout } = new Deno.Command("systemd-analyze", { args }).outputSync();
    return new TextDecoder().decode(stdout).includes("--offline");
  } catch {
    return false;
  }
}

async function analyze(unit: string, ...words: string[]) {
  const directory = await Deno.makeTempDir({ prefix: "pfw-unit-" });
  try {
    const file = join(directory, "personal-firewall.service");
    await Deno.writeTextFile(file, unit);
    const args = [...words, file];
    const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", { args }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, out: text(stdout), err: text(stderr) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const ignore = !canJudge();
const why = ignore ? " (left out: needs systemd-analyze 250)" : "";

Deno.test({
  name: `unit: systemd-analyze finds nothing wrong${why}`,
  ignore,
  fn: async () => {
    // Of what is not installed it would say that it cannot be executed.
    const { code, out, err } = await analyze(unitText("/bin/true"), "verify", "--man=no");
    equal(err + out, "");
    equal(code, 0);
    const wrong = await analyze(
      unitText("/bin/true").replace("[Service]", "[Service]\nNone=1"),
      "verify",
      "--man=no",
    );
    match(wrong.err, /Unknown key.*None/, "the check itself finds something");
  },
});

Deno.test({
  name: `unit: systemd-analyze rates its exposure at ${MOST_EXPOSED} or better${why}`,
  ignore,
  fn: async () => {
    const { out } = await analyze(
      unitText("/bin/true"),
      "security",
      "--offline=true",
      "--no-pager",
    );
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(out)?.[1]);
    ok(exposure <= MOST_EXPOSED, `${exposure}`);
  },
});

Deno.test("unit: the file for people who make packages is the one that install writes", async () => {
  const file = join(ROOT, "systemd/personal-firewall.service");
  equal(await Deno.readTextFile(file), unitText(installPlaces(undefined).executable));
});

Deno.test("unit: the queue of systemd tells a restart from a stop", () => {
  const unit = "personal-firewall.service";
  const restart = `1034 ${unit} restart running\n 99 other.service stop waiting\n`;
  equal(endReason(restart, unit), "restart");
  equal(endReason(`1034 ${unit} stop running\n`, unit), "stop");
  equal(endReason("7 other.service restart running\n", unit), "stop");
  equal(endReason("", unit), "stop", "`pfw stop`, or a kill by hand");
});

/** systemctl as it answers, and what it was told. */
function fakeSystemd(answers: Record<string, string>) {
  const told: string[] = [];
  const systemd = new Systemd({
    run: (argv) => {
      const words = argv.slice(1).join(" ");
      told.push(words);
      const stdout = Object.entries(answers).find(([key]) => words.startsWith(key))?.[1] ?? "";
      return Promise.resolve({ status: stdout === "fails" ? 1 : 0, stdout, stderr: "broken" });
    },
  }, ROOT);
  return { systemd, told };
}

const yes = () => Promise.resolve(true), no = () => Promise.resolve(false);

Deno.test("install: a service that is up to date is left alone, another one is restarted", async () => {
  const up = fakeSystemd({ "is-active": "active\n", "is-enabled": "enabled\n" }).systemd;
  equal(up.isRunning(), true);
  equal(await up.startStep(yes).isDone(), true);
  equal(await up.startStep(no).isDone(), false);
  equal(await up.restartStep(no).isDone(), false);
  equal(await up.enableStep().isDone(), true);
  const down = fakeSystemd({ "is-active": "inactive\n", "is-enabled": "disabled\n" }).systemd;
  equal(await down.startStep(yes).isDone(), false);
  equal(await down.restartStep(no).isDone(), true, "--no-enable starts nothing");
  equal(await down.enableStep().isDone(), false);
});

Deno.test("install: units are read again also after an installation that was cut short", async () => {
  const { systemd, told } = fakeSystemd({ show: "NeedDaemonReload=yes\n" });
  equal(await systemd.reloadStep(() => true).isDone(), false);
  await systemd.reloadStep(() => true).act();
  equal(told.at(-1), "daemon-reload");
  const same = fakeSystemd({ show: "NeedDaemonReload=no\n" }).systemd;
  equal(await same.reloadStep(() => true).isDone(), true);
  equal(await same.reloadStep(() => false).isDone(), false);
});

Deno.test("install: what systemctl refuses is told with the place to look", async () => {
  const { systemd } = fakeSystemd({ restart: "fails" });
  await systemd.startStep(no).act().then(() => ok(false), (error) => {
    match(
      error.message,
      /^systemctl restart failed: .*broken.*; see: journalctl -u personal-firewall/,
    );
  });
});
