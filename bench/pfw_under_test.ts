/** The pfw that is measured: the built file where there is one, else the sources. */
import { join } from "node:path";
import { DEFAULT_CONFIG } from "../engine/policy/default_config.ts";
import { runToEnd } from "./process.ts";

const ROOT = join(import.meta.dirname!, "..");

/** How pfw is run. */
export interface PfwUnderTest {
  readonly argv: readonly string[];
  /** What `--version` says. */
  readonly version: string;
}

/** @param file a built pfw; without it `./pfw`, or the sources where that does not exist */
export async function findPfw(file?: string): Promise<PfwUnderTest> {
  const argv = file === undefined && !isFile(join(ROOT, "pfw"))
    ? [Deno.execPath(), "run", "--quiet", "--allow-all", join(ROOT, "main.ts")]
    : [Deno.realPathSync(file ?? join(ROOT, "pfw"))];
  const { out } = await runToEnd([...argv, "--version"]);
  return { argv, version: out.trim() };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A private set of pfw's files, with the default configuration and a blacklist. */
export class PfwHome implements Disposable {
  readonly directory: string;
  /** Path of the configuration. */
  readonly config: string;
  /** What goes behind a command of pfw, so that it uses these files. */
  readonly options: readonly string[];

  /** @param changes keys of the configuration that are not as in the defaults */
  constructor(
    directory: string,
    blacklist: readonly string[],
    changes: Readonly<Record<string, unknown>> = {},
  ) {
    this.directory = Deno.makeTempDirSync({ dir: directory, prefix: "home-" });
    const config = this.config = join(this.directory, "firewall_rules.json");
    const content = {
      ...DEFAULT_CONFIG,
      $schema: undefined,
      // Nothing is fetched while the benchmarks run.
      threat_feeds: [],
      blacklist_ips: [...blacklist],
      ...changes,
    };
    Deno.writeTextFileSync(config, JSON.stringify(content, null, 2), { mode: 0o600 });
    this.options = [
      ["--config", config],
      ["--data-dir", join(this.directory, "data")],
      ["--log-dir", join(this.directory, "log")],
      ["--run-dir", join(this.directory, "run")],
    ].flat();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}
