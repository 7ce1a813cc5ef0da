/** Where pfw keeps its files: flags over environment over the defaults of root or of a user. */
import { dirname, join } from "node:path";

/** Every path that pfw uses on its own account. */
export interface Paths {
  /** `firewall_rules.json`. */
  readonly config: string;
  readonly dataDir: string;
  readonly logDir: string;
  readonly runDir: string;
  /** `firewall.db` in the data directory. */
  readonly database: string;
  /** `firewall.log` in the log directory. */
  readonly log: string;
  /** `pfw.sock` in the run directory: the control socket, mode 0600. */
  readonly socket: string;
  /** `pfw.lock` in the run directory: held by the running pfw. */
  readonly lock: string;
}

/** What flags may override. */
export interface PathOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly logDir?: string;
  readonly runDir?: string;
}

/** Where the last good copies of the threat feeds are kept. */
export function feedCacheOf(dataDir: string): string {
  return join(dataDir, "feeds");
}

/** Whether this process runs as root. */
export function isRoot(): boolean {
  return Deno.uid() === 0;
}

/** The paths for this user. */
export function resolvePaths(options: PathOptions = {}): Paths {
  const env = (name: string) => Deno.env.get(name) || undefined;
  const defaults = isRoot() ? rootPaths() : userPaths(env);
  const config = options.config ?? env("PFW_CONFIG") ?? defaults.config;
  const dataDir = options.dataDir ?? env("PFW_DATA_DIR") ?? defaults.dataDir;
  const logDir = options.logDir ?? env("PFW_LOG_DIR") ?? defaults.logDir;
  const runDir = options.runDir ?? env("PFW_RUN_DIR") ?? defaults.runDir;
  return {
    config,
    dataDir,
    logDir,
    runDir,
    database: join(dataDir, "firewall.db"),
    log: join(logDir, "firewall.log"),
    socket: join(runDir, "pfw.sock"),
    lock: join(runDir, "pfw.lock"),
  };
}

const NAME = "personal-firewall";

/** The defaults of root: where an installed pfw keeps its files. */
export function rootPaths() {
  return {
    config: `/etc/${NAME}/firewall_rules.json`,
    dataDir: `/var/lib/${NAME}`,
    logDir: `/var/log/${NAME}`,
    runDir: `/run/${NAME}`,
  };
}

/**
 * Whether this user gets files of their own though the machine has a pfw, which is root's: what they
 * ask and change is then not about that one.
 */
export function isBesideMachine({ config, runDir }: PathOptions): boolean {
  const isNamed = (option: string | undefined, name: string) => option ?? Deno.env.get(name);
  if (isRoot() || isNamed(config, "PFW_CONFIG") || isNamed(runDir, "PFW_RUN_DIR")) return false;
  const machine = rootPaths();
  return [dirname(machine.config), machine.runDir].some(isSeen);
}

/** Whether this process can see that there is such a file; a link that leads nowhere is one. */
export function isSeen(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function userPaths(env: (name: string) => string | undefined) {
  const home = env("HOME") ?? "/tmp";
  const state = env("XDG_STATE_HOME") ?? join(home, ".local/state");
  return {
    config: join(env("XDG_CONFIG_HOME") ?? join(home, ".config"), NAME, "firewall_rules.json"),
    dataDir: join(env("XDG_DATA_HOME") ?? join(home, ".local/share"), NAME),
    logDir: join(state, NAME),
    runDir: env("XDG_RUNTIME_DIR") ? join(env("XDG_RUNTIME_DIR")!, NAME) : join(state, NAME),
  };
}
