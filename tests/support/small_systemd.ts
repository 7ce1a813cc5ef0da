/**
 * A machine to install on, in a mount namespace over a network namespace: `/etc`, `/usr/local`,
 * `/var` and `/run` are a test's own, and `systemctl` does for one unit what systemd would.
 */
import { join } from "node:path";
import type { CommandOutput } from "../../engine/kernel/command.ts";
import { BackgroundProcess, type NetworkNamespace } from "./netns.ts";
import type { Sandbox } from "./sandbox.ts";

/** systemctl(1) for one unit of `Type=notify`; the queue holds the job that is under way. */
const SYSTEMCTL = `#!/usr/bin/python3
import os, re, signal, socket, subprocess, sys, time
STATE = "/run/small-systemd"
UNIT = "/etc/systemd/system/personal-firewall.service"
NAME = "personal-firewall.service"
def path(name):
    return STATE + "/" + name
def read(name):
    try:
        return open(path(name)).read()
    except FileNotFoundError:
        return ""
def write(name, text):
    with open(path(name), "w") as file:
        file.write(text)
def setting(name):
    return re.findall("^" + name + "=(.*)$", open(UNIT).read(), re.M)
def is_up(pid):
    try:
        return pid != "" and " Z " not in open("/proc/" + pid + "/stat").read()
    except FileNotFoundError:
        return False
def stop():
    pid = read("pid")
    if not is_up(pid):
        return
    os.kill(int(pid), signal.SIGTERM)
    end = time.monotonic() + 60
    while is_up(pid):
        if time.monotonic() > end:
            sys.exit("it does not stop")
        time.sleep(0.01)
def start():
    for command in setting("ExecStartPre"):
        if not command.startswith("+") and subprocess.run(command.split()).returncode != 0:
            sys.exit("ExecStartPre failed")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    address = path("notify-%d" % os.getpid())
    manager.bind(address)
    manager.settimeout(60)
    environment = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": address}
    for pair in setting("Environment"):
        name, value = pair.replace("%n", NAME).split("=", 1)
        environment[name] = value
    with open(path("journal"), "a") as journal:
        child = subprocess.Popen(setting("ExecStart")[0].split(), env=environment, stdout=journal,
                                 stderr=journal, stdin=subprocess.DEVNULL, start_new_session=True)
    write("pid", str(child.pid))
    while b"READY=1" not in manager.recv(8192):
        pass
def job(kind, *actions):
    write("jobs", "1 " + NAME + " " + kind + " running\\n")
    for action in actions:
        action()
    write("jobs", "")
os.makedirs(STATE, exist_ok=True)
words = [word for word in sys.argv[1:] if not word.startswith("--")]
verb = words[0]
write("calls", read("calls") + " ".join(sys.argv[1:]) + "\\n")
if verb == "is-active":
    print("active" if words[1] == NAME and is_up(read("pid")) else "inactive")
elif verb == "is-enabled":
    print(read("enabled") or "disabled")
elif verb == "enable":
    write("enabled", "enabled")
elif verb == "disable":
    write("enabled", "disabled")
    job("stop", stop)
elif verb in ("restart", "start", "try-restart"):
    job("restart", stop, start)
elif verb == "stop":
    job("stop", stop)
elif verb == "list-jobs":
    sys.stdout.write(read("jobs"))
elif verb == "show":
    print("NeedDaemonReload=no")
elif verb != "daemon-reload":
    sys.exit("unknown: " + verb)
`;

/** The machine; `await using` ends everything in it. */
export class SmallMachine implements AsyncDisposable {
  readonly #holder: BackgroundProcess;
  readonly #pid: string;

  private constructor(
    private readonly namespace: NetworkNamespace,
    private readonly sandbox: Sandbox,
    holder: BackgroundProcess,
    pid: string,
  ) {
    this.#holder = holder;
    this.#pid = pid;
  }

  /** @param sandbox where its directories lie; `bin` in it comes first on the path */
  static async start(namespace: NetworkNamespace, sandbox: Sandbox): Promise<SmallMachine> {
    for (
      const folder of ["local", "var/lib", "var/log", "var/cache", "run/systemd/system", "bin"]
    ) {
      await Deno.mkdir(sandbox.path(folder), { recursive: true });
    }
    await namespace.run(["cp", "-a", "/etc", sandbox.path("etc")]);
    await Deno.writeTextFile(sandbox.path("bin/systemctl"), SYSTEMCTL, { mode: 0o755 });
    const binds = [["etc", "/etc"], ["local", "/usr/local"], ["var", "/var"], ["run", "/run"]]
      .map(([from, to]) => `mount --bind '${sandbox.path(from)}' ${to}`);
    const script = [
      "set -e",
      "mount --make-rprivate /",
      ...binds,
      "echo $$",
      "exec sleep infinity",
    ];
    const holder = namespace.spawn(["unshare", "--mount", "sh", "-c", script.join("\n")]);
    const pid = await holder.line();
    if (!pid) throw new Error("no mount namespace");
    return new SmallMachine(namespace, sandbox, holder, pid);
  }

  /** Runs a command on the machine. */
  async run(argv: readonly string[], env: Record<string, string> = {}): Promise<CommandOutput> {
    const path = `PATH=${this.sandbox.path("bin")}:/usr/local/bin:${Deno.env.get("PATH")}`;
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const unset = ["PFW_CONFIG", "PFW_DATA_DIR", "PFW_LOG_DIR", "PFW_RUN_DIR", "SSH_CONNECTION"]
      .flatMap((name) => ["-u", name]);
    const words = ["nsenter", `--target=${this.#pid}`, "--mount", "env", ...unset, path];
    return await this.namespace.commands.run([...words, "NO_COLOR=1", ...variables, ...argv]);
  }

  /** A file of the machine, empty where there is none. */
  async read(path: string): Promise<string> {
    return (await this.run(["sh", "-c", `cat '${path}' 2>/dev/null || :`])).stdout;
  }

  /** The process of the service; empty where none was started. */
  pid(): Promise<string> {
    return this.read("/run/small-systemd/pid");
  }

  /** Everything that systemctl was told. */
  calls(): Promise<string> {
    return this.read("/run/small-systemd/calls");
  }

  /** A path of the machine as the test sees it. */
  outside(path: string): string {
    return join(this.sandbox.directory, path.replace(/^\/usr\/local/, "/local"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run(["systemctl", "stop", "personal-firewall.service"]);
    await this.#holder[Symbol.asyncDispose]();
  }
}
