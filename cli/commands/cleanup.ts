/** `pfw cleanup`: takes away what a crash left in the kernel. */
import { CaptureDevice, NFLOG_GROUP } from "../../engine/capture.ts";
import { ReportsTakenError } from "../../engine/capture_error.ts";
import { PfwError } from "../../engine/errors.ts";
import { SystemCommands } from "../../engine/kernel/command.ts";
import { Enforcer } from "../../engine/kernel/enforcer.ts";
import { requireEnforcement } from "../../engine/kernel/requirements.ts";
import { kernelStateFile } from "../../engine/run_files.ts";
import { isRunDirectoryHeld } from "../../engine/run_lock.ts";
import type { CommandContext } from "../context.ts";
import { print, printJson } from "../output.ts";

/** Removes every chain and set of pfw; refuses while pfw runs. */
export async function cleanup({ paths, json }: CommandContext): Promise<void> {
  const commands = new SystemCommands();
  await requireEnforcement(commands).catch((error) => {
    if (!(error instanceof PfwError)) throw error;
    // A program that is missing is named by the error; nobody asked to enforce anything.
    const what = error.what === "cannot enforce" ? "cannot clean up" : error.what;
    throw new PfwError(what, error.why, error.next, error.exitCode, { cause: error });
  });
  if (isRunDirectoryHeld(paths)) {
    throw new PfwError("cannot clean up", "pfw is running", "end it with `pfw stop`");
  }
  using _reports = claimReports();
  const enforcer = new Enforcer({
    commands,
    nflogGroup: NFLOG_GROUP,
    stateFile: kernelStateFile(paths),
  });
  const { chains, sets } = await enforcer.inspect();
  await enforcer.remove();
  if (json) return printJson({ removedChains: chains, removedSets: sets.length });
  print(
    chains + sets.length === 0
      ? "nothing to clean up"
      : `removed ${chains} chains and ${sets.length} sets from the kernel`,
  );
}

/** Whoever receives the reports is the pfw of this network namespace; none starts meanwhile. */
function claimReports(): CaptureDevice | undefined {
  try {
    return CaptureDevice.nflog(NFLOG_GROUP, () => {});
  } catch (error) {
    // Without libpcap no pfw runs, and what a crash left can be removed all the same.
    if (!(error instanceof ReportsTakenError)) return undefined;
    const { why, next } = error;
    throw new PfwError("cannot clean up", why, next, undefined, { cause: error });
  }
}
