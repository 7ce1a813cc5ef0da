/** Speaks to the running pfw over its Unix socket. */
import { ExitCode, PfwError } from "../errors.ts";
import type { Paths } from "../paths.ts";
import { connectRunning } from "./connect.ts";
import { formatRequest, parseAnswer } from "./http_message.ts";

/** What the daemon answered; `undefined` where none runs. */
export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/**
 * Asks the running pfw; one that is just starting or ending is waited for.
 *
 * @returns `undefined` when no pfw runs
 * @throws PfwError when one runs but the answer cannot be had
 */
export async function ask<T>(
  paths: Paths,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<Answer<T> | undefined> {
  const connection = await connectRunning(paths);
  if (!connection) return undefined;
  try {
    return await exchange<T>(connection, method, path, body);
  } catch (error) {
    throw new PfwError(`no answer from the running pfw at ${paths.socket}`, String(error));
  } finally {
    closeQuietly(connection);
  }
}

/** Longest time without a byte, in milliseconds: the largest policy is applied in seconds. */
const TIMEOUT = 60_000;

async function exchange<T>(
  connection: Deno.UnixConn,
  method: string,
  path: string,
  body: unknown,
): Promise<Answer<T>> {
  const request = formatRequest(method, path, body === undefined ? "" : JSON.stringify(body));
  for (let at = 0; at < request.length;) at += await connection.write(request.subarray(at));
  const { status, body: text } = parseAnswer(await readToEnd(connection));
  return { status, body: JSON.parse(text || "null") as T };
}

async function readToEnd(connection: Deno.UnixConn): Promise<Uint8Array> {
  let bytes = new Uint8Array(FIRST_PIECE), length = 0;
  for (;;) {
    const read = await patiently(connection, () => connection.read(bytes.subarray(length)));
    if (read === null) return bytes.subarray(0, length);
    length += read;
    if (length < bytes.length) continue;
    const larger = new Uint8Array(2 * bytes.length);
    larger.set(bytes);
    bytes = larger;
  }
}

/** Bytes; most answers are shorter. */
const FIRST_PIECE = 16 * 1024;

async function patiently<T>(connection: Deno.UnixConn, work: () => Promise<T>): Promise<T> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    closeQuietly(connection);
  }, TIMEOUT);
  try {
    return await work();
  } catch (error) {
    throw isLate ? new Error("it does not answer") : error;
  } finally {
    clearTimeout(timer);
  }
}

function closeQuietly(connection: Deno.UnixConn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}

/** What became of a configuration that is in force. */
export interface Reloaded {
  /** One line for people. */
  readonly summary: string;
  /** What went wrong without taking the change back, for people. */
  readonly notice?: string;
}

/** What the daemon says to `POST /reload`. */
export type ReloadAnswer =
  | {
    readonly running: false;
    /** The configuration of the pfw that does run, where it is not the one that was named. */
    readonly otherConfig?: string;
  }
  | Reloaded & {
    readonly running: true;
    readonly ok: true;
    /** Only with `enforce` the kernel has it. */
    readonly mode?: "enforce" | "monitor";
  }
  | {
    readonly running: true;
    readonly ok: false;
    readonly error: string;
    /** What the command that asked should end with. */
    readonly exitCode?: ExitCode;
  };

interface ReloadBody extends Partial<Reloaded> {
  readonly mode?: "enforce" | "monitor";
  readonly error?: string;
  readonly exitCode?: ExitCode;
  readonly otherConfig?: string;
}

/** What comes with `POST /reload`. */
export interface ReloadRequest {
  /** Absolute path, links resolved: only a pfw that uses this file shall reload. */
  readonly config?: string;
  /** Whoever asks has seen to it that no lifeline is cut, or was told to cut it. */
  readonly isJudged?: boolean;
  /** Who did what, for the history. */
  readonly command?: string;
  readonly user?: string;
}

/** Makes the running pfw read its configuration again; returns once the kernel enforces it. */
export async function reload(paths: Paths, request: ReloadRequest = {}): Promise<ReloadAnswer> {
  const answer = await ask<ReloadBody>(paths, "POST", "/reload", request);
  if (!answer) return { running: false };
  const { summary, notice, mode, error, exitCode, otherConfig } = answer.body;
  if (otherConfig !== undefined) return { running: false, otherConfig };
  if (answer.status === 200) {
    return { running: true, ok: true, summary: summary ?? "reloaded", notice, mode };
  }
  return {
    running: true,
    ok: false,
    error: error ?? `status ${answer.status}`,
    exitCode: exitCode ?? ExitCode.failed,
  };
}

/** What the kernel counted for one rule since pfw started; `GET /rules` gives a list of them. */
export interface RuleHits {
  readonly id: string;
  readonly packets: number;
  readonly bytes: number;
}
