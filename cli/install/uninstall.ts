/** `pfw uninstall`: takes away what `install` brought, with `--purge` also what pfw made since. */
import { dirname, resolve } from "node:path";
import { PfwError } from "../../engine/errors.ts";
import { type Commands, runOrThrow, SystemCommands } from "../../engine/kernel/command.ts";
import { isSeen, resolvePaths } from "../../engine/paths.ts";
import { isRunDirectoryHeld } from "../../engine/run_lock.ts";
import type { CommandContext } from "../context.ts";
import { print, printJson, warn } from "../output.ts";
import { removeDirectoryStep, removeExecutableStep, removeFileStep } from "./files.ts";
import { requireRight } from "./install.ts";
import { type Layout, layoutUnder, requireInside } from "./machine.ts";
import { printStep } from "./print_step.ts";
import { runSteps, type Step, type StepReport } from "./steps.ts";
import { Systemd } from "./systemd.ts";

/** What the command line says. */
export interface UninstallOptions {
  readonly dryRun: boolean;
  readonly root?: string;
  /** Also configuration, data and logs. */
  readonly purge: boolean;
}

/** What is needed besides. */
export interface UninstallParts {
  /** The words that run this same pfw. */
  readonly command: readonly string[];
  readonly commands?: Commands;
  readonly systemd?: Systemd;
}

/** Removes pfw, or says what that would do. */
export async function uninstall(
  { json }: CommandContext,
  options: UninstallOptions,
  parts: UninstallParts,
): Promise<readonly StepReport[]> {
  requireRight("uninstall", options);
  const root = resolve(options.root ?? "/");
  const layout = layoutUnder(root);
  requireInside(root, layout);
  const service = options.root === undefined ? await serviceSteps(layout, parts) : noService();
  const steps = [...service.before, ...fileSteps(layout), ...service.after];
  if (options.purge) steps.push(...purgeSteps(layout));
  // Last: a self-extracting pfw runs from there.
  steps.push(removeDirectoryStep(layout.cacheDir));
  const { dryRun } = options;
  const warnings: string[] = [];
  const tell = (report: StepReport) => {
    if (report.state === "failed") warnings.push(`cannot ${report.what}: ${report.why}`);
    if (!json) printStep(report);
  };
  const reports = await runSteps(steps, { name: "uninstall", dryRun, tell });
  const { purge } = options;
  if (json) printJson({ uninstalled: !dryRun, purge, root, steps: reports, warnings });
  else printEnd(layout, options, warnings);
  return reports;
}

interface ServiceSteps {
  readonly before: readonly Step[];
  readonly after: readonly Step[];
}

function noService(): ServiceSteps {
  return { before: [], after: [] };
}

async function serviceSteps(layout: Layout, parts: UninstallParts): Promise<ServiceSteps> {
  const commands = parts.commands ?? new SystemCommands();
  const systemd = parts.systemd ?? new Systemd(commands);
  const isManaged = systemd.isRunning() && await systemd.isActive();
  if (isRunDirectoryHeld(resolvePaths(layout)) && !isManaged) {
    throw new PfwError("cannot uninstall", "pfw is running", "end it with `pfw stop`");
  }
  const before = [kernelStep(parts.command, commands)];
  if (!systemd.isRunning()) return { before, after: [] };
  let wasThere = true;
  const isThere = () => Deno.lstat(layout.unit).then(() => true, () => false);
  const disable = systemd.disableStep(layout.unit);
  const stop: Step = {
    ...disable,
    isDone: async () => {
      wasThere = await isThere();
      return await disable.isDone();
    },
  };
  return { before: [stop, ...before], after: [systemd.reloadStep(() => !wasThere)] };
}

/** Nobody would look after rules that a crash, or `on_exit`, left in the kernel. */
function kernelStep(command: readonly string[], commands: Commands): Step {
  return {
    what: "remove what is left in the kernel",
    isOptional: true,
    isDone: () => Promise.resolve(false),
    act: async () => void await runOrThrow(commands, [...command, "cleanup", "--json"]),
  };
}

function fileSteps(layout: Layout): Step[] {
  const texts = [layout.unit, layout.bash, layout.zsh, layout.fish, layout.man];
  const target = layoutUnder("/").executable;
  return [
    ...texts.map(removeFileStep),
    ...(layout.link ? [removeExecutableStep(layout.link, target)] : []),
    removeExecutableStep(layout.executable),
  ];
}

function purgeSteps(layout: Layout): Step[] {
  return [dirname(layout.config), layout.dataDir, layout.logDir, layout.runDir]
    .map(removeDirectoryStep);
}

function printEnd(
  layout: Layout,
  { dryRun, purge }: UninstallOptions,
  warnings: readonly string[],
): void {
  for (const warning of warnings) warn(warning);
  if (dryRun) return print("\nNothing was changed: this was a dry run.");
  const kept = [dirname(layout.config), layout.dataDir, layout.logDir].filter(isSeen);
  const rest = purge || kept.length === 0
    ? ""
    : ` Kept: ${kept.join(", ")} (--purge takes ${kept.length > 1 ? "them" : "it"} too).`;
  print(`\npfw is uninstalled.${rest}`);
}
