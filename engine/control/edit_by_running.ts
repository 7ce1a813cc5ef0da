/**
 * Has the running pfw make a change. It knows the configuration already, with its long lists; a
 * command would have to read and judge all of it first.
 */
import { errorText, ExitCode, PfwError } from "../errors.ts";
import type { SshSession } from "../net/ssh_sessions.ts";
import type { Paths } from "../paths.ts";
import type { Edited } from "../policy/config_edit.ts";
import type { EditInputs, EditName, EditValues } from "../policy/edits.ts";
import type { ChangeRequest } from "../policy/safe_change.ts";
import { type Answer, ask } from "./client.ts";
import { isThere } from "./connect.ts";

/** What comes with `POST /edit`. */
export interface EditRequest<Name extends EditName = EditName> {
  /** Absolute paths, links resolved: only a pfw that uses this configuration and this history. */
  readonly config: string;
  readonly dataDir: string;
  readonly name: Name;
  readonly input: EditInputs[Name];
  readonly command: string;
  readonly user: string;
  readonly force: boolean;
  /** The SSH session that the command was given in. */
  readonly session?: SshSession;
}

/** What the running pfw made of it. */
export interface EditAnswer<Name extends EditName = EditName> extends Edited<EditValues[Name]> {
  /** What went wrong without making the change wrong. */
  readonly notices: readonly string[];
}

interface Refusal {
  readonly what: string;
  readonly why: string;
  readonly next: string;
  readonly exitCode: ExitCode;
}

/** Characters of a request; the socket takes no longer ones. */
const LONGEST = 48 * 1024;

/**
 * Has the running pfw make a change.
 *
 * @param ownSession asked for the SSH session that the command was given in
 * @returns what it made of it; `undefined` where none runs that can, and nothing was changed
 * @throws PfwError where it refuses, with nothing changed, or where its answer is lost
 */
export async function editByRunning<Name extends EditName>(
  paths: Paths,
  name: Name,
  input: EditInputs[Name],
  { command, user, force, confirm }: ChangeRequest,
  ownSession: () => SshSession | undefined,
): Promise<EditAnswer<Name> | undefined> {
  // What returns unless it is confirmed is watched over by a process of the command's.
  if (confirm !== undefined || !isThere(paths.socket)) return undefined;
  const [config, dataDir] = [paths.config, paths.dataDir].map(realPath);
  if (config === undefined || dataDir === undefined) return undefined;
  const request: EditRequest<Name> = {
    config,
    dataDir,
    name,
    input,
    command,
    user,
    force,
    session: ownSession(),
  };
  if (JSON.stringify(request).length > LONGEST) return undefined;
  const answer = await askOnce(paths, request);
  // It uses other files, or is of a version that does not know this.
  if (!answer || answer.status === 409 || answer.status === 404) return undefined;
  if (answer.status === 200) return answer.body as EditAnswer<Name>;
  const { what, why, next, exitCode } = answer.body as Refusal;
  throw new PfwError(what, why, next, exitCode);
}

async function askOnce(
  paths: Paths,
  request: EditRequest,
): Promise<Answer<unknown> | undefined> {
  try {
    return await ask<unknown>(paths, "POST", "/edit", request);
  } catch (error) {
    if (error instanceof PfwError && error.exitCode === ExitCode.missing) throw error;
    await agree(paths);
    throw new PfwError(
      "it is not known whether the change was made",
      errorText(error),
      "see pfw rules history",
      ExitCode.failed,
      { cause: error },
    );
  }
}

/**
 * Has the kernel enforce what the file says, whichever it is: a pfw that died amid a change may
 * have written the one and not the other.
 */
async function agree(paths: Paths): Promise<void> {
  const { withLock } = await import("../atomic_file.ts");
  const { putInForce } = await import("./put_in_force.ts");
  // Where that fails too, the next start does it.
  await withLock(paths.config, () => putInForce(paths, paths.config)).catch(() => {});
}

function realPath(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}
