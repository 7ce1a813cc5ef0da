/** Network namespaces for tests of the kernel: made, used and removed, the machine's own untouched. */
import { type CommandOutput, type Commands, SystemCommands } from "../../engine/kernel/command.ts";

/** Whether tests may make namespaces and change firewalls in them, and if not, why. */
export function kernelTestsAvailable(): { ok: boolean; reason: string } {
  if (Deno.build.os !== "linux") return { ok: false, reason: "needs Linux" };
  if (Deno.uid() !== 0) return { ok: false, reason: "needs root" };
  for (const argv of [["ip", "-V"], ["iptables", "-V"], ["ipset", "-v"], ["python3", "-V"]]) {
    if (!runs(argv)) return { ok: false, reason: `needs ${argv[0]}` };
  }
  if (!runs(["unshare", "--net", "true"])) {
    return { ok: false, reason: "needs the right to make network namespaces" };
  }
  return { ok: true, reason: "" };
}

function runs([program, ...args]: string[]): boolean {
  try {
    const command = new Deno.Command(program, { args, stdout: "null", stderr: "null" });
    return command.outputSync().success;
  } catch {
    return false;
  }
}

const availability = kernelTestsAvailable();

/**
 * A test that needs namespaces, and perhaps more programs. Where something is missing it is left
 * out and its name says why; with `PFW_REQUIRE_KERNEL=1` it fails instead.
 *
 * @param obstacle what else is missing, or nothing
 */
export function kernelTest(
  name: string,
  run: (test: Deno.TestContext) => Promise<void>,
  programs: readonly string[] = [],
  obstacle = "",
): void {
  const missing = availability.ok ? programs.find((program) => !isInstalled(program)) : undefined;
  const reason = missing ? `needs ${missing}` : availability.reason || obstacle;
  if (!reason) return Deno.test(name, run);
  const isRequired = Deno.env.get("PFW_REQUIRE_KERNEL") === "1";
  const fail = () => Promise.reject(new Error(`cannot run here: ${reason}`));
  Deno.test({ name: `${name} (left out: ${reason})`, ignore: !isRequired, fn: fail });
}

/** The same for what does not depend on how pfw was built: left out for a built file. */
export function kernelTestOnce(...test: Parameters<typeof kernelTest>): void {
  if (!Deno.env.get("PFW_BIN")) return kernelTest(...test);
  Deno.test({ name: `${test[0]} (left out: $PFW_BIN is set)`, ignore: true, fn: () => {} });
}

function isInstalled(program: string): boolean {
  return runs(["sh", "-c", 'command -v "$0"', program]);
}

let counter = 0;

/** One namespace with loopback up; `await using` removes it. */
export class NetworkNamespace implements AsyncDisposable {
  /** Runs commands inside. */
  readonly commands: Commands;

  private constructor(readonly name: string) {
    this.commands = new SystemCommands(["ip", "netns", "exec", name]);
  }

  static async create(): Promise<NetworkNamespace> {
    const name = `pfw-${Deno.pid}-${++counter}`;
    await host(["ip", "netns", "add", name]);
    const namespace = new NetworkNamespace(name);
    // Without duplicate address detection addresses work at once.
    for (const setting of ["all.disable_ipv6=0", "all.accept_dad=0", "default.accept_dad=0"]) {
      await namespace.run(["sysctl", "-qw", `net.ipv6.conf.${setting}`]);
    }
    await namespace.run(["ip", "link", "set", "lo", "up"]);
    return namespace;
  }

  /** Runs a command to its end and returns what it printed; throws unless it ends with 0. */
  async run(argv: readonly string[], stdin?: string): Promise<string> {
    return succeeded(argv, await this.commands.run(argv, stdin));
  }

  /** Starts a command whose standard output is read while it runs. */
  spawn(argv: readonly string[]): BackgroundProcess {
    return new BackgroundProcess(["ip", "netns", "exec", this.name, ...argv]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await host(["ip", "netns", "delete", this.name]);
  }
}

/** Has an end of a pair send nothing of its own: no neighbour discovery, and IPv4 only. */
export async function silence(namespace: NetworkNamespace): Promise<void> {
  await namespace.run(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"]);
  await namespace.run(["ip", "link", "set", "veth-0", "arp", "off"]);
}

/** A process of a test; `await using` ends it. */
export class BackgroundProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor([program, ...args]: readonly string[]) {
    const command = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    });
    this.#child = command.spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next line that it prints; `undefined` at the end. */
  async line(): Promise<string | undefined> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) return undefined;
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line;
  }

  /** Sends a signal. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#lines.cancel();
    await this.#child.status;
  }
}

/** The two ends of a veth pair: where pfw is, and the rest of the world. */
export interface Link {
  readonly local: NetworkNamespace;
  readonly remote: NetworkNamespace;
}

/** `local` is 10.9.N.1 and fd09:N::1, `remote` 10.9.N.2 and fd09:N::2, on `veth-N` in both. */
export async function join(local: NetworkNamespace, remote: NetworkNamespace, number = 0) {
  const name = `veth-${number}`;
  await local.run(
    ["ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns", remote.name],
  );
  for (const [end, host] of [[local, 1], [remote, 2]] as const) {
    await end.run(["ip", "address", "add", `10.9.${number}.${host}/24`, "dev", name]);
    await end.run(["ip", "address", "add", `fd09:${number}::${host}/64`, "dev", name, "nodad"]);
    await end.run(["ip", "link", "set", name, "up"]);
  }
  for (const end of [local, remote]) await carrierOf(end, name);
}

/** The kernel connects a link some time after it was set up, and drops what is sent before. */
async function carrierOf(namespace: NetworkNamespace, name: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!/state UP/.test(await namespace.run(["ip", "link", "show", "dev", name]))) {
    if (Date.now() > deadline) throw new Error(`${name} does not come up`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Two fresh namespaces, joined; `await using` removes both. */
export async function createPair(): Promise<Link & AsyncDisposable> {
  await using made = new AsyncDisposableStack();
  const local = made.use(await NetworkNamespace.create());
  const remote = made.use(await NetworkNamespace.create());
  await join(local, remote);
  const both = made.move();
  return { local, remote, [Symbol.asyncDispose]: () => both.disposeAsync() };
}

async function host(argv: readonly string[]): Promise<string> {
  return succeeded(argv, await new SystemCommands().run(argv));
}

function succeeded(argv: readonly string[], output: CommandOutput): string {
  if (output.status !== 0) throw new Error(`${argv.join(" ")}: ${output.stderr}`);
  return output.stdout;
}

/** Everything that iptables and ipset hold in a namespace, without the times in comments. */
export async function firewallText(namespace: NetworkNamespace): Promise<string> {
  const texts: string[] = [];
  for (const argv of [["iptables-save"], ["ip6tables-save"], ["ipset", "list"]]) {
    const text = await namespace.run(argv);
    texts.push(text.replace(/^#.* on .*$/gm, "#"));
  }
  return texts.join("---\n");
}
