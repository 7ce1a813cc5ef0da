/** Makes the kernel enforce what the configuration says, whether a pfw runs or only its rules stand. */
import { offlineBans } from "../bans/offline_bans.ts";
import { CaptureDevice, NFLOG_GROUP } from "../capture.ts";
import { ReportsTakenError } from "../capture_error.ts";
import { ExitCode, PfwError } from "../errors.ts";
import { SystemCommands } from "../kernel/command.ts";
import { requireEnforcement } from "../kernel/requirements.ts";
import { enforcerOf } from "../kernel_guard.ts";
import { parsePrefix } from "../net/address.ts";
import { isRoot, type Paths } from "../paths.ts";
import { buildPolicy } from "../policy/build_policy.ts";
import { readConfigFile } from "../policy/config_file.ts";
import { lockRunDirectory, makeDirectories } from "../run_files.ts";
import { isRunDirectoryHeld } from "../run_lock.ts";
import { reload } from "./client.ts";
import { standingThreats } from "./standing_lists.ts";

/**
 * Has the running pfw reload; where none runs but a crash, or an end that keeps, left its rules in
 * the kernel, replaces them there.
 *
 * @throws PfwError when the kernel does not have it when this returns, though it enforces
 */
export async function putInForce(paths: Paths, config: string): Promise<void> {
  const answer = await reload(paths, { config: await Deno.realPath(config), isJudged: true });
  if (!answer.running) {
    // Another configuration's pfw: the kernel is not ours to change.
    if (answer.otherConfig === undefined) await replaceLeftRules(paths, config);
    return;
  }
  if (answer.ok) return;
  throw new PfwError("the running pfw refused the policy", answer.error, "", answer.exitCode);
}

async function replaceLeftRules(paths: Paths, config: string): Promise<void> {
  if (!isRoot()) return;
  if (isRunDirectoryHeld(paths)) {
    throw new PfwError("cannot reach the kernel's rules", "a pfw is just starting or ending");
  }
  const commands = new SystemCommands();
  try {
    await requireEnforcement(commands);
  } catch (error) {
    // Without its tools no pfw has put anything into the kernel.
    if (error instanceof PfwError && error.exitCode === ExitCode.missing) return;
    throw error;
  }
  makeDirectories(paths);
  using _lock = await lockRunDirectory(paths);
  using claim = claimReports();
  if (!claim.isOurs) return;
  const enforcer = enforcerOf(paths, commands);
  if ((await enforcer.inspect()).chains === 0) return;
  const { config: content } = await readConfigFile(config);
  const { list: threats } = await standingThreats(paths, content);
  enforcer.setBans(
    offlineBans(paths.database).map(({ address, until }) => ({
      prefix: parsePrefix(address)!,
      until: Date.parse(until),
    })),
  );
  await enforcer.apply(buildPolicy(content, { threats }));
}

/** The claim to the reports of this network namespace. */
interface Claim extends Disposable {
  /** False where another pfw has it: then the rules in the kernel are that one's. */
  readonly isOurs: boolean;
}

function claimReports(): Claim {
  try {
    const device = CaptureDevice.nflog(NFLOG_GROUP, () => {});
    return { isOurs: true, [Symbol.dispose]: () => device[Symbol.dispose]() };
  } catch (error) {
    // Without libpcap no pfw runs, and what a crash left can be replaced all the same.
    return { isOurs: !(error instanceof ReportsTakenError), [Symbol.dispose]: () => {} };
  }
}
