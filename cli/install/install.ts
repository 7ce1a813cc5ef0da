/** `pfw install`: the steps, what is said of them, and what is left to the person. */
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { ExitCode, PfwError } from "../../engine/errors.ts";
import { type Commands, SystemCommands } from "../../engine/kernel/command.ts";
import { isRoot, resolvePaths } from "../../engine/paths.ts";
import { ensureConfig, readConfigFile } from "../../engine/policy/config_file.ts";
import { isRunDirectoryHeld } from "../../engine/run_lock.ts";
import { completionScript } from "../commands/completion_scripts.ts";
import { manPage } from "../commands/man_page.ts";
import type { CommandContext } from "../context.ts";
import { print, printJson, warn } from "../output.ts";
import { VERSION } from "../version.ts";
import { directoryStep, executableStep, linkStep, textStep } from "./files.ts";
import {
  isNewerThan,
  type Layout,
  layoutUnder,
  missingText,
  otherFirewalls,
  requireInside,
} from "./machine.ts";
import { printStep } from "./print_step.ts";
import { runSteps, type Step, type StepReport } from "./steps.ts";
import { Systemd } from "./systemd.ts";
import { UNIT_NAME, unitText } from "./unit.ts";

/** What the command line says. */
export interface InstallOptions {
  readonly dryRun: boolean;
  /** Stands for `/` while a package is made; nothing of the running machine is touched. */
  readonly root?: string;
  /** Enable the service and start it. */
  readonly enable: boolean;
}

/** What the installation is made of. */
export interface InstallParts {
  /** The file that people run. */
  readonly executable: string;
  readonly program: Command;
  readonly commands?: Commands;
  readonly systemd?: Systemd;
}

/** What came of it; the JSON of `install`. */
export interface InstallReport {
  readonly installed: boolean;
  readonly version: string;
  readonly root: string;
  readonly distribution: string;
  readonly steps: readonly StepReport[];
  readonly warnings: readonly string[];
}

/** Installs pfw, or says what that would do. */
export async function install(
  { json }: CommandContext,
  options: InstallOptions,
  parts: InstallParts,
): Promise<InstallReport> {
  requireRight("install", options);
  // What other people may read must not depend on the mask of whoever installs.
  const mask = Deno.umask(0o022);
  try {
    const installation = new Installation(options, parts);
    const steps = await installation.steps();
    const tell = (report: StepReport) => {
      installation.note(report);
      if (!json) printStep(report);
    };
    const reports = await runSteps(steps, { name: "install", dryRun: options.dryRun, tell });
    const report = installation.report(reports);
    if (json) printJson(report);
    else printEnd(report, options);
    return report;
  } finally {
    Deno.umask(mask);
  }
}

/** Only root may write to where things go; below another root everybody may try. */
export function requireRight(name: string, { root, dryRun }: { root?: string; dryRun: boolean }) {
  if (isRoot() || root !== undefined || dryRun) return;
  const next = `run: sudo pfw ${name}, or see what it would do with --dry-run`;
  throw new PfwError(`cannot ${name}`, "it takes root", next, ExitCode.missing);
}

/** One installation, from its plan to its report. */
class Installation {
  readonly #options: InstallOptions;
  readonly #parts: InstallParts;
  readonly #root: string;
  readonly #layout: Layout;
  readonly #systemd: Systemd;
  readonly #changed = new Set<string>();
  readonly #warnings: string[] = [];

  constructor(options: InstallOptions, parts: InstallParts) {
    this.#options = options;
    this.#parts = parts;
    this.#root = resolve(options.root ?? "/");
    this.#layout = layoutUnder(this.#root);
    requireInside(this.#root, this.#layout);
    this.#systemd = parts.systemd ?? new Systemd(parts.commands ?? new SystemCommands());
  }

  async steps(): Promise<Step[]> {
    const files = this.#fileSteps();
    if (this.#options.root !== undefined) return files;
    for (const name of await otherFirewalls(this.#systemd)) {
      this.#warnings.push(
        `${name} is active: pfw leaves its rules alone, and what either of them blocks is blocked`,
      );
    }
    return [...files, ...await this.#serviceSteps()];
  }

  /** Whether something of these files is, or would be, new. */
  note({ what, state, why }: StepReport): void {
    if (state === "done" || state === "planned") this.#changed.add(what);
    if (state === "failed") this.#warnings.push(`cannot ${what}: ${why}`);
  }

  report(steps: readonly StepReport[]): InstallReport {
    return {
      installed: !this.#options.dryRun,
      version: VERSION,
      root: this.#root,
      distribution: this.#layout.distribution ?? "unknown",
      steps,
      warnings: this.#warnings,
    };
  }

  #fileSteps(): Step[] {
    const { executable, program } = this.#parts;
    const layout = this.#layout;
    // Paths inside files are those of the machine that will run them.
    const final = layoutUnder("/").executable;
    return [
      directoryStep(join(layout.config, ".."), 0o755),
      directoryStep(layout.dataDir, 0o700),
      directoryStep(layout.logDir, 0o750),
      configStep(layout.config, this.#options.dryRun),
      executableStep(executable, layout.executable),
      ...(layout.link ? [linkStep(final, layout.link)] : []),
      textStep("the completion of bash", layout.bash, completionScript("bash")),
      textStep("the completion of zsh", layout.zsh, completionScript("zsh")),
      textStep("the completion of fish", layout.fish, completionScript("fish")),
      textStep("the man page", layout.man, manPage(program)),
      textStep("the service", layout.unit, unitText(final)),
    ];
  }

  async #serviceSteps(): Promise<Step[]> {
    const systemd = this.#systemd;
    if (!systemd.isRunning()) {
      this.#warnings.push(
        "systemd does not run here: have your init run `pfw start` before the network is up",
      );
      return [];
    }
    const isNew = (part: string) => [...this.#changed].some((what) => what.includes(part));
    const { executable, unit } = this.#layout;
    const paths = resolvePaths(this.#layout);
    const isCurrent = async () =>
      !isNew(executable) && !isNew(unit) && await isNewerThan(paths, [executable, unit]);
    const steps = [systemd.reloadStep(() => !isNew(unit))];
    if (!this.#options.enable) return [...steps, systemd.restartStep(isCurrent)];
    steps.push(systemd.enableStep());
    const hindrance = await this.#hindrance();
    if (hindrance === "") return [...steps, systemd.startStep(isCurrent)];
    this.#warnings.push(
      `not started: ${hindrance}; then run: systemctl start ${UNIT_NAME}`,
    );
    return steps;
  }

  /** Why the service cannot be started now. */
  async #hindrance(): Promise<string> {
    if (isRunDirectoryHeld(resolvePaths(this.#layout)) && !await this.#systemd.isActive()) {
      return "a pfw that was started by hand runs: end it with `pfw stop`";
    }
    return missingText(this.#layout.distribution);
  }
}

/** A configuration that is there stays; one that cannot be used is told before anything is new. */
function configStep(file: string, dryRun: boolean): Step {
  return {
    what: `make the configuration ${file}`,
    isDone: async () => {
      const isThere = await Deno.lstat(file).then(() => true, (error) => {
        if (error instanceof Deno.errors.NotFound) return false;
        throw error;
      });
      if (isThere) await readConfigFile(file).catch((error) => refuse(error, dryRun));
      return isThere;
    },
    act: async () => void await ensureConfig({ config: file }),
  };
}

/** Who only asks what would be done need not be allowed to read it. */
function refuse(error: unknown, dryRun: boolean): void {
  const isUnreadable = error instanceof PfwError && error.exitCode === ExitCode.missing;
  if (!(dryRun && isUnreadable)) throw error;
}

function printEnd({ warnings, version }: InstallReport, { dryRun, root }: InstallOptions): void {
  for (const warning of warnings) warn(warning);
  if (dryRun) return print("\nNothing was changed: this was a dry run.");
  print(`\npfw ${version} is installed${root === undefined ? "" : ` below ${root}`}.`);
  if (root !== undefined) return;
  print("Look at it with: sudo pfw status\nRead more with:  man pfw");
}
