/** `pfw install` and `pfw uninstall`. Actions load lazily. */
import type { Command } from "commander";
import { ExitCode, PfwError } from "../../engine/errors.ts";
import { contextOfNoPfw, type GlobalOptions, usageError } from "../context.ts";
import { ownCommand } from "../own_command.ts";
import { pathOf } from "../root_command.ts";

const INSTALL_EXAMPLES = `
Examples:
  sudo ./pfw install                     from now on at every boot
  ./pfw install --dry-run                only say what that would do
  sudo ./pfw install --no-enable         without starting anything new
  ./pfw install --root build/package     for people who make packages`;

const UNINSTALL_EXAMPLES = `
Examples:
  sudo pfw uninstall                     configuration and data stay
  sudo pfw uninstall --purge             they go too
  pfw uninstall --purge --dry-run        only say what that would do`;

/** Adds both. */
export function registerInstall(program: Command): void {
  program.command("install")
    .description("install or upgrade: service, directories, completion, man page, pfw on the PATH")
    .option("--dry-run", "only say what it would do")
    .option("--no-enable", "leave the service as it is: neither enable nor start it")
    .option(
      "--root <dir>",
      "below this directory, nothing of this machine ($DESTDIR)",
      pathOf("--root", "name a path"),
    )
    .addHelpText("after", INSTALL_EXAMPLES)
    .action(async ({ dryRun, enable, root }, command: Command) => {
      refusePlaces("install", command);
      const executable = builtFile();
      const { install } = await import("../install/install.ts");
      const options = { dryRun: dryRun === true, enable, root: rootOf(root) };
      await install(contextOfNoPfw(command), options, { executable, program });
    });
  program.command("uninstall")
    .description("remove what install brought; --purge also configuration, data and logs")
    .option("--purge", "also configuration, data and logs")
    .option("--dry-run", "only say what it would do")
    .option(
      "--root <dir>",
      "below this directory, nothing of this machine ($DESTDIR)",
      pathOf("--root", "name a path"),
    )
    .addHelpText("after", UNINSTALL_EXAMPLES)
    .action(async ({ dryRun, purge, root }, command: Command) => {
      refusePlaces("uninstall", command);
      const { uninstall } = await import("../install/uninstall.ts");
      const options = { dryRun: dryRun === true, purge: purge === true, root: rootOf(root) };
      await uninstall(contextOfNoPfw(command), options, { command: ownCommand() });
    });
}

/** An empty variable is as none: packagers' tools set it always. */
function rootOf(given: string | undefined): string | undefined {
  return given ?? (Deno.env.get("DESTDIR") || undefined);
}

/** The service uses the places of root: others would be installed and never used. */
function refusePlaces(name: string, command: Command): void {
  const { config, dataDir, logDir, runDir } = command.optsWithGlobals<GlobalOptions>();
  if ([config, dataDir, logDir, runDir].every((place) => place === undefined)) return;
  const why = "the service has its own places";
  throw usageError(`cannot ${name}`, why, "leave out --config, --data-dir, --log-dir, --run-dir");
}

/** The file that people run. */
function builtFile(): string {
  const [file, ...rest] = ownCommand();
  if (rest.length === 0) return file;
  throw new PfwError(
    "cannot install",
    "pfw runs from its sources here, and one executable is what is installed",
    "run ./build.sh, then sudo ./pfw install",
    ExitCode.usage,
  );
}
