/** pfw as systemd runs it: what it tells, what it may, and what a restart and a stop leave behind. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { UNIT_NAME } from "../../cli/install/unit.ts";
import { findProgram } from "../../engine/packages.ts";
import {
  createPair,
  firewallText,
  kernelTest,
  kernelTestOnce,
  type NetworkNamespace,
} from "../support/netns.ts";
import { NotifyListener } from "../support/notify_listener.ts";
import { pfwCommand } from "../support/pfw.ts";
import { Probes } from "../support/probes.ts";
import { eventually, runPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { missingForSandbox, sandboxWords } from "../support/service_sandbox.ts";

const CONFIG = {
  rules: [{ name: "test", action: "block", protocol: "tcp", ports: [2001], direction: "in" }],
  threat_feeds: [],
};
const BLOCKED = ["in tcp 2001 10.9.0.2", "in tcp 2001 fd09::2"];
const PASSES = ["in tcp 2002 10.9.0.2", "out udp 2001 10.9.0.2", "in icmp fd09::2"];

/** A sandbox with a service manager's socket and a `systemctl` that prints what `jobs` holds. */
class Service extends Sandbox {
  readonly listener = new NotifyListener(this.path("notify"));
  readonly #heard: string[] = [];

  constructor() {
    super();
    this.writeConfig(CONFIG);
    Deno.mkdirSync(this.path("bin"));
    const script = `#!/bin/sh\n[ "$1" = list-jobs ] && cat '${this.path("jobs")}'\n`;
    Deno.writeTextFileSync(this.path("bin/systemctl"), script, { mode: 0o755 });
    this.setJobs("");
  }

  setJobs(text: string): void {
    Deno.writeTextFileSync(this.path("jobs"), text);
  }

  get environment(): Record<string, string> {
    return {
      NOTIFY_SOCKET: this.listener.path,
      WATCHDOG_USEC: "3000000",
      PFW_SYSTEMD_UNIT: UNIT_NAME,
      PATH: `${this.path("bin")}:${Deno.env.get("PATH")}`,
    };
  }

  /** Everything that was told so far, once it fits. */
  async heard(pattern: RegExp): Promise<string> {
    const text = () => {
      this.#heard.push(...this.listener.received());
      return this.#heard.join("\n");
    };
    const all = await eventually(text, (heard) => pattern.test(heard));
    match(all, pattern);
    return all;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.listener[Symbol.dispose]();
    await super[Symbol.asyncDispose]();
  }
}

kernelTest("a service: ready, alive, reloaded, stopping, as sd_notify has it", async () => {
  await using link = await createPair();
  await using service = new Service();
  await using pfw = await startPfw(link.local, service, [], { env: service.environment });
  match(await service.heard(/READY=1/), /^READY=1\nSTATUS=default allow, 1 rule/);
  await service.heard(/WATCHDOG=1(.|\n)*WATCHDOG=1/);
  pfw.signal("SIGHUP");
  await service.heard(/RELOADING=1\nMONOTONIC_USEC=\d+\n(WATCHDOG=1\n)*READY=1/);
  service.writeConfig("{ broken");
  pfw.signal("SIGHUP");
  await service.heard(/STATUS=reload refused, the running policy stays/);
  equal((await pfw.end()).code, 0);
  await service.heard(/STOPPING=1/);
});

kernelTest("a service: a loop that hangs is not told to be alive", async () => {
  await using link = await createPair();
  await using service = new Service();
  await using pfw = await startPfw(link.local, service, [], { env: service.environment });
  await service.heard(/WATCHDOG=1/);
  pfw.signal("SIGSTOP");
  service.listener.received();
  // Twice the time in which a sign of life would come.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  deepEqual(service.listener.received(), []);
  pfw.signal("SIGCONT");
  equal((await pfw.end()).code, 0);
});

kernelTest("a service: a restart goes on enforcing, a stop leaves nothing", async () => {
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using service = new Service();
  const before = await firewallText(link.local);
  const options = { env: service.environment };
  {
    await using pfw = await startPfw(link.local, service, [], options);
    service.setJobs(`1034 ${UNIT_NAME} restart running\n`);
    const { code, err } = await pfw.end();
    equal(code, 0);
    match(err, /the kernel goes on enforcing/);
  }
  await probes.expect({ passes: PASSES, blocked: BLOCKED });
  await using next = await startPfw(link.local, service, [], options);
  await probes.expect({ passes: PASSES, blocked: BLOCKED });
  service.setJobs(`1035 ${UNIT_NAME} stop running\n`);
  equal((await next.end()).code, 0);
  equal(await firewallText(link.local), before);
});

kernelTest("a service: where systemd cannot be asked the kernel goes on enforcing", async () => {
  await using link = await createPair();
  await using service = new Service();
  await Deno.writeTextFile(service.path("bin/systemctl"), "#!/bin/sh\nexit 1\n");
  await using pfw = await startPfw(link.local, service, [], { env: service.environment });
  match((await pfw.end()).err, /systemd does not say whether this is a restart/);
  match(await firewallText(link.local), /PFW-IN/);
  equal((await runPfw(link.local, service, ["cleanup"])).code, 0);
});

kernelTest("a service: `pfw stop` leaves nothing, whatever is queued", async () => {
  await using link = await createPair();
  await using service = new Service();
  const before = await firewallText(link.local);
  service.setJobs(`1034 ${UNIT_NAME} restart running\n`);
  await using _pfw = await startPfw(link.local, service, [], { env: service.environment });
  equal((await runPfw(link.local, service, ["stop"])).code, 0);
  equal(await firewallText(link.local), before);
});

const missing = missingForSandbox();

/** The unit makes it and lets it be written: the legacy backend of iptables locks it. */
const LOCK = "/run/xtables.lock";
/** Any but root's. */
const GROUP = 4;

async function enforceInSandbox(backend: "nft" | "legacy"): Promise<void> {
  (await Deno.open(LOCK, { create: true, write: true, mode: 0o600 })).close();
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using service = new Service();
  await useBackend(service, backend);
  const before = await firewallText(link.local);
  const through = sandboxWords([service.directory, LOCK]);
  const unpacked = service.path("unpacked");
  const env = { ...service.environment, PFW_UNPACK_DIR: unpacked, HOME: "/nonexistent" };
  await using pfw = await startPfw(link.local, service, [], { through, env });
  await probes.expect({ passes: PASSES, blocked: BLOCKED });
  ok(await ours(link.local, backend) >= 6, "the backend that is meant");
  const status = await Deno.readTextFile(`/proc/${pfw.pid}/status`);
  const effective = parseInt(/^CapEff:\s*(\w+)$/m.exec(status)![1], 16);
  const rights = 2 ** 0 + 2 ** 12 + 2 ** 13 + 2 ** 19 + 2 ** 39;
  equal(effective, rights, "CHOWN, NET_ADMIN, NET_RAW, SYS_PTRACE, BPF");
  const open = [...Deno.readDirSync(`/proc/${pfw.pid}/fd`)]
    .map(({ name }) => Deno.readLinkSync(`/proc/${pfw.pid}/fd/${name}`));
  ok(open.includes("anon_inode:bpf-prog"), "the kernel counts what a tap need not look at");
  match(status, /^Seccomp:\s*2$/m);
  const rows = await eventually(
    async () => (await runPfw(link.local, service, ["logs"])).out,
    (out) => /Rule: test/.test(out),
  );
  match(rows, /Rule: test/);
  service.writeConfig({ ...CONFIG, rules: [], blacklist_ips: ["10.9.0.3", "fd09::3"] });
  const reload = await runPfw(link.local, service, ["reload"], { through, env });
  deepEqual([reload.code, reload.err], [0, ""]);
  await probes.expect({ passes: BLOCKED, blocked: ["in tcp 2001 10.9.0.3", "out icmp fd09::3"] });
  await Deno.chown(service.paths.config, 0, GROUP);
  await Deno.chmod(service.paths.config, 0o640);
  const edit = await runPfw(link.local, service, ["blacklist", "add", "10.9.0.4"], {
    through,
    env,
  });
  deepEqual([edit.code, edit.err], [0, ""]);
  const { gid, mode } = await Deno.stat(service.paths.config);
  deepEqual([gid, mode! & 0o777], [GROUP, 0o640], "whoever may read it still may");
  const { code, err } = await pfw.end();
  deepEqual([code, err], [0, ""]);
  equal(await firewallText(link.local), before);
  equal(await ours(link.local, backend), 0);
  const log = await Deno.readTextFile(service.paths.log);
  ok(!/permission|not permitted/i.test(log), log);
}

/** Has pfw find this backend's programs first. */
async function useBackend(service: Service, backend: string): Promise<void> {
  for (const name of ["iptables", "ip6tables"]) {
    for (const word of ["", "-save", "-restore"]) {
      const program = findProgram(`${name}-${backend}${word}`);
      if (program) await Deno.symlink(program, service.path(`bin/${name}${word}`));
    }
  }
}

/** What a backend holds of pfw. */
async function ours(namespace: NetworkNamespace, backend: string): Promise<number> {
  const texts = ["iptables", "ip6tables"].map((name) => namespace.run([`${name}-${backend}-save`]));
  return (await Promise.all(texts)).join("").match(/^:PFW-(IN|OUT|FWD) /gm)?.length ?? 0;
}

for (const backend of ["nft", "legacy"] as const) {
  const title = `a service: it enforces with the unit's rights alone, in its sandbox (${backend})`;
  if (missing === "") {
    kernelTest(title, () => enforceInSandbox(backend), [`iptables-${backend}`]);
  } else {
    Deno.test({ name: `${title} (left out: ${missing})`, ignore: true, fn: () => {} });
  }
}

kernelTest("the first start says on a terminal what it did, later ones do not", async () => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  const words = [...pfwCommand().argv, "start", "--duration", "1s"];
  const variables = Object.entries(sandbox.env).map(([name, value]) => `${name}='${value}'`);
  const command = ["env", ...variables, ...words.map((word) => `'${word}'`)].join(" ");
  const onTerminal = ["script", "--quiet", "--return", "--command", command, "/dev/null"];
  const first = await link.local.run(onTerminal);
  match(first, /pfw: ready [^]*This is the first start[^]*install .*every boot/);
  const second = await link.local.run(onTerminal);
  match(second, /pfw: ready/);
  ok(!/first start/.test(second));
  await Deno.remove(sandbox.paths.config);
  const piped = await runPfw(link.local, sandbox, ["start", "--duration", "1s"]);
  ok(!/first start/.test(piped.out + piped.err), "no terminal");
}, ["script"]);

kernelTestOnce("a service: the check of the configuration touches nothing", async () => {
  await using link = await createPair();
  await using service = new Service();
  const files = () => [...Deno.readDirSync(service.directory)].map(({ name }) => name).sort();
  const before = [await firewallText(link.local), files()];
  equal((await runPfw(link.local, service, ["rules", "check"])).code, 0);
  deepEqual([await firewallText(link.local), files()], before);
  service.writeConfig({ default_policy: "maybe" });
  equal((await runPfw(link.local, service, ["rules", "check"])).code, 2);
});
