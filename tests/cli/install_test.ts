import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { install, type InstallOptions } from "../../cli/install/install.ts";
import { layoutUnder } from "../../cli/install/machine.ts";
import { runSteps, type StepReport } from "../../cli/install/steps.ts";
import { Systemd } from "../../cli/install/systemd.ts";
import { uninstall } from "../../cli/install/uninstall.ts";
import { buildProgram } from "../../cli/program.ts";
import { ExitCode, PfwError } from "../../engine/errors.ts";
import { installHint, installPlaces } from "../../engine/packages.ts";
import { resolvePaths } from "../../engine/paths.ts";
import { pfwCommand } from "../support/pfw.ts";
import { Output } from "../support/output.ts";
import { Sandbox } from "../support/sandbox.ts";

/** Beginnings of the files as the distributions ship them. */
const OS_RELEASES: Record<string, [text: string, hint: string, link?: string]> = {
  "Debian 12": [
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n',
    "apt install libpcap0.8 iptables ipset",
  ],
  "Ubuntu 24.04": [
    'PRETTY_NAME="Ubuntu 24.04.1 LTS"\nNAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n',
    "apt install libpcap0.8 iptables ipset",
  ],
  "Fedora 42": [
    'NAME="Fedora Linux"\nVERSION="42 (Server Edition)"\nID=fedora\nVERSION_ID=42\n',
    "dnf install libpcap iptables ipset",
    "/usr/bin/pfw",
  ],
  "RHEL 9": [
    'NAME="Red Hat Enterprise Linux"\nID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.4"\n',
    "dnf install libpcap iptables ipset",
    "/usr/bin/pfw",
  ],
  "CentOS Stream 9": [
    'NAME="CentOS Stream"\nVERSION="9"\nID="centos"\nID_LIKE="rhel fedora"\n',
    "dnf install libpcap iptables ipset",
    "/usr/bin/pfw",
  ],
  "Arch Linux": [
    'NAME="Arch Linux"\nPRETTY_NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling\n',
    "pacman -S libpcap iptables ipset",
  ],
};

const program = buildProgram();
const silent = { json: true, paths: resolvePaths() };
const noSystemd = new Systemd({ run: () => Promise.reject(new Error("asked")) }, "/nonexistent");

/** A root directory with a file that stands for the built one. */
class Place extends Sandbox {
  readonly root = this.path("root");
  readonly executable = this.path("pfw");

  constructor(release: string = OS_RELEASES["Debian 12"][0]) {
    super();
    Deno.mkdirSync(join(this.root, "etc"), { recursive: true });
    Deno.writeTextFileSync(join(this.root, "etc/os-release"), release);
    Deno.writeTextFileSync(this.executable, "#!/bin/sh\necho one\n", { mode: 0o755 });
  }

  async install(options: Partial<InstallOptions> = {}): Promise<readonly StepReport[]> {
    const given = { dryRun: false, enable: true, root: this.root, ...options };
    const parts = { executable: this.executable, program, systemd: noSystemd };
    return (await quietly(() => install(silent, given, parts))).steps;
  }

  async uninstall(purge = false): Promise<readonly StepReport[]> {
    const options = { dryRun: false, root: this.root, purge };
    return await quietly(() => uninstall(silent, options, { command: [], systemd: noSystemd }));
  }

  /** Every file and what it holds, every link and directory with its mode. */
  files(folder = this.root): Record<string, string> {
    const found: Record<string, string> = {};
    for (const entry of Deno.readDirSync(folder)) {
      const path = join(folder, entry.name);
      const name = path.slice(this.root.length);
      const mode = ((Deno.lstatSync(path).mode ?? 0) & 0o777).toString(8);
      if (entry.isDirectory) Object.assign(found, { [`${name}/`]: mode }, this.files(path));
      else if (entry.isSymlink) found[name] = `-> ${Deno.readLinkSync(path)}`;
      else found[name] = `${mode} ${Deno.readTextFileSync(path)}`;
    }
    return found;
  }
}

/** The JSON that a command prints is not looked at here. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  using _printed = new Output();
  return await work();
}

function states(steps: readonly StepReport[]): string[] {
  return [...new Set(steps.map(({ state }) => state))];
}

for (const [name, [release, hint, link]] of Object.entries(OS_RELEASES)) {
  Deno.test(`install: paths and packages of ${name}`, async () => {
    await using place = new Place(release);
    const layout = layoutUnder(place.root);
    const here = () => true;
    equal(installHint(["libpcap", "iptables", "ipset"], layout.distribution, here), hint);
    equal(layout.link, link && join(place.root, link));
    await place.install();
    const files = place.files();
    const { link: _, ...places } = installPlaces(layout.distribution);
    for (const path of Object.values(places)) ok(path in files, path);
    if (link) equal(files[link], "-> /usr/local/bin/pfw");
    match(
      files["/etc/systemd/system/personal-firewall.service"],
      /ExecStart=\/usr\/local\/bin\/pfw /,
    );
  });
}

Deno.test("install: modes do not depend on the mask, and secrets are for root alone", async () => {
  await using place = new Place();
  const mask = Deno.umask(0o077);
  try {
    await place.install();
  } finally {
    Deno.umask(mask);
  }
  const files = place.files();
  match(files["/usr/local/bin/pfw"], /^755 /);
  match(files["/usr/local/share/man/man8/pfw.8"], /^644 /);
  equal(files["/usr/local/share/zsh/"], "755");
  equal(files["/var/lib/personal-firewall/"], "700");
  equal(files["/var/log/personal-firewall/"], "750");
  match(files["/etc/personal-firewall/firewall_rules.json"], /^600 /);
});

Deno.test("install: a second time changes nothing, a newer file is an upgrade", async () => {
  await using place = new Place();
  deepEqual(states(await place.install()), ["done"]);
  const files = place.files();
  deepEqual(states(await place.install()), ["kept"]);
  deepEqual(place.files(), files);
  const config = join(place.root, "etc/personal-firewall/firewall_rules.json");
  await Deno.writeTextFile(config, '{ "rules": [] }');
  await Deno.writeTextFile(place.executable, "#!/bin/sh\necho two\n");
  using running = await Deno.open(join(place.root, "usr/local/bin/pfw"));
  const changed = (await place.install()).filter(({ state }) => state === "done");
  deepEqual(changed.map(({ what }) => what), [`copy pfw to ${place.root}/usr/local/bin/pfw`]);
  match(place.files()["/usr/local/bin/pfw"], /^755 #!\/bin\/sh\necho two\n/);
  equal(await Deno.readTextFile(config), '{ "rules": [] }');
  const bytes = new Uint8Array(100);
  const length = await running.read(bytes) ?? 0;
  match(
    new TextDecoder().decode(bytes.subarray(0, length)),
    /echo one/,
    "it was replaced, not overwritten",
  );
});

Deno.test("install: --dry-run says all and does nothing", async () => {
  await using place = new Place();
  const before = place.files();
  const planned = await place.install({ dryRun: true });
  deepEqual(place.files(), before);
  deepEqual(states(planned), ["planned"]);
  const done = await place.install();
  deepEqual(done.map(({ what }) => what), planned.map(({ what }) => what));
});

Deno.test("install: what is not of pfw's making is never replaced, and nothing is done then", async () => {
  await using place = new Place();
  const unit = join(place.root, "etc/systemd/system/personal-firewall.service");
  await Deno.mkdir(join(unit, ".."), { recursive: true });
  await Deno.writeTextFile(unit, "[Unit]\nDescription=somebody else's\n");
  await rejects(place.install(), (error: PfwError) => {
    match(
      error.message,
      /^install stopped, cannot write the service to .*: it is not of pfw's making/,
    );
    match(
      error.message,
      /nothing was changed; mend it and run `pfw install` again, which goes on from here$/,
    );
    return error.exitCode === ExitCode.failed;
  });
  match(await Deno.readTextFile(unit), /somebody else's/);
  ok(!("/usr/local/bin/pfw" in place.files()), "refused before anything changed");
  await rejects(place.uninstall(), /not of pfw's making/);
  await Deno.remove(unit);
  deepEqual(states(await place.install()), ["done"]);
});

Deno.test("install: a broken configuration is told before anything is replaced", async () => {
  await using place = new Place();
  await place.install();
  await Deno.writeTextFile(place.executable, "new");
  const config = join(place.root, "etc/personal-firewall/firewall_rules.json");
  await Deno.writeTextFile(config, '{ "default_policy": "maybe" }');
  await rejects(place.install(), { exitCode: ExitCode.usage });
  match(place.files()["/usr/local/bin/pfw"], /echo one/);
});

Deno.test("install: a link that leads out of the root is refused", async () => {
  await using place = new Place();
  await Deno.mkdir(place.path("outside/lib/personal-firewall"), { recursive: true });
  await Deno.symlink(place.path("outside"), join(place.root, "var"));
  await rejects(place.install(), /would lie outside of it/);
  await rejects(place.uninstall(true), /would lie outside of it/);
  ok((await Deno.stat(place.path("outside/lib/personal-firewall"))).isDirectory);
});

Deno.test("uninstall: leaves configuration and data, --purge nothing, others' files always", async () => {
  await using place = new Place(OS_RELEASES["RHEL 9"][0]);
  await place.install();
  const data = join(place.root, "var/lib/personal-firewall/firewall.db");
  await Deno.writeTextFile(data, "rows");
  const other = join(place.root, "etc/systemd/system/other.service");
  await Deno.writeTextFile(other, "");
  const isFile = (name: string) => !name.endsWith("/");
  await place.uninstall();
  deepEqual(Object.keys(place.files()).filter(isFile).sort(), [
    "/etc/os-release",
    "/etc/personal-firewall/firewall_rules.json",
    "/etc/personal-firewall/firewall_rules.json.lock",
    "/etc/personal-firewall/firewall_rules.schema.json",
    "/etc/systemd/system/other.service",
    "/var/lib/personal-firewall/firewall.db",
  ]);
  await place.install();
  await place.uninstall(true);
  deepEqual(Object.keys(place.files()).filter(isFile).sort(), [
    "/etc/os-release",
    "/etc/systemd/system/other.service",
  ]);
  deepEqual(states(await place.uninstall(true)), ["kept"]);
});

Deno.test("uninstall: says what is kept, and nothing of what is not there", async () => {
  await using place = new Place();
  await place.install();
  const lastLine = async (purge: boolean) => {
    using printed = new Output();
    const options = { dryRun: false, root: place.root, purge };
    await uninstall({ ...silent, json: false }, options, { command: [], systemd: noSystemd });
    return printed.text.trimEnd().split("\n").at(-1);
  };
  const kept = ["etc", "var/lib", "var/log"]
    .map((folder) => join(place.root, folder, "personal-firewall")).join(", ");
  equal(await lastLine(false), `pfw is uninstalled. Kept: ${kept} (--purge takes them too).`);
  equal(await lastLine(true), "pfw is uninstalled.");
  equal(await lastLine(false), "pfw is uninstalled.");
});

Deno.test("uninstall: --purge follows no link, and another's link is left", async () => {
  await using place = new Place(OS_RELEASES["Fedora 42"][0]);
  await place.install();
  const link = join(place.root, "usr/bin/pfw");
  await Deno.remove(link);
  await Deno.symlink("/opt/other/pfw", link);
  const logs = join(place.root, "var/log/personal-firewall");
  await Deno.remove(logs);
  await Deno.mkdir(join(place.root, "precious"));
  await Deno.symlink(join(place.root, "precious"), logs);
  await rejects(place.uninstall(true), /it is no directory of pfw's own/);
  equal(await Deno.readLink(link), "/opt/other/pfw");
  ok((await Deno.stat(join(place.root, "precious"))).isDirectory);
});

Deno.test("install: an optional step that fails does not stop the others", async () => {
  const told: string[] = [];
  const step = (what: string, act: () => Promise<void>, isOptional = false) => ({
    what,
    isOptional,
    isDone: () => Promise.resolve(false),
    act,
  });
  const fail = () => Promise.reject(new Error("no"));
  const steps = [step("a", () => Promise.resolve()), step("b", fail, true), step("c", fail)];
  const options = {
    name: "install",
    dryRun: false,
    tell: ({ what, state }: StepReport) => told.push(`${what} ${state}`),
  };
  await rejects(runSteps(steps, { ...options, tell: (report) => void options.tell(report) }), {
    message:
      "install stopped, cannot c: no; done before: a; mend it and run `pfw install` again, which goes on from here",
  });
  deepEqual(told, ["a done", "b failed"]);
});

Deno.test("install: wrong usage, and what it says from source", async () => {
  await using sandbox = new Sandbox();
  const places = await sandbox.pfw("install", "--dry-run", "--config", "x");
  deepEqual([places.code, places.out], [2, ""]);
  match(places.err, /^pfw: cannot install: the service has its own places; leave out --config/);
  if (pfwCommand().kind === "built") return;
  const { code, err } = await sandbox.pfw("install", "--dry-run");
  equal(code, 2);
  match(err, /^pfw: cannot install: pfw runs from its sources here.*\.\/build\.sh.*\n$/);
});

Deno.test("install: a link under the name of a file that is half copied is not written through", async () => {
  await using place = new Place();
  const bin = join(place.root, "usr/local/bin"), victim = place.path("victim");
  await Deno.mkdir(bin, { recursive: true });
  await Deno.writeTextFile(victim, "mine");
  await Deno.symlink(victim, join(bin, `.pfw.${Deno.pid}.new`));
  await place.install();
  equal(await Deno.readTextFile(victim), "mine");
  match(place.files()["/usr/local/bin/pfw"], /^755 #!/);
});
