/** Speaks to the running pfw over its Unix socket. */
import { ExitCode, PfwError } from "../errors.ts";
import type { Paths } from "../paths.ts";

/** What the daemon answered; `undefined` where none runs. */
export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/**
 * Asks the running pfw.
 *
 * @returns `undefined` when no pfw listens on the socket
 * @throws PfwError when one listens but the answer cannot be had
 */
export async function ask<T>(
  paths: Paths,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<Answer<T> | undefined> {
  // Asked first: loading an HTTP client takes longer than all the rest of a short command.
  if (!isThere(paths.socket)) return undefined;
  const { request } = await import("node:http");
  try {
    return await exchange<T>(request, paths.socket, method, path, body);
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    if (["ENOENT", "ECONNREFUSED", "ENOTDIR"].includes(code)) return undefined;
    if (code === "EACCES" || code === "EPERM") {
      throw new PfwError(
        `cannot reach the running pfw at ${paths.socket}`,
        "permission denied",
        "run it as the user that started pfw (sudo)",
        ExitCode.missing,
      );
    }
    throw new PfwError(`no answer from the running pfw at ${paths.socket}`, String(error));
  }
}

/** False only where there is certainly none; of the rest the connection tells. */
function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory);
  }
}

/** Longest time without a byte, in milliseconds: the largest policy is applied in seconds. */
const TIMEOUT = 60_000;

function exchange<T>(
  request: typeof import("node:http").request,
  socketPath: string,
  method: string,
  path: string,
  body: unknown,
) {
  return new Promise<Answer<T>>((resolve, reject) => {
    const text = body === undefined ? "" : JSON.stringify(body);
    const outgoing = request({
      socketPath,
      method,
      path,
      headers: { "content-type": "application/json", "content-length": byteLength(text) },
    }, (incoming) => {
      let answer = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => answer += chunk);
      incoming.on("error", reject);
      incoming.on("end", () => {
        try {
          resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(answer || "null") as T });
        } catch (error) {
          reject(error);
        }
      });
    });
    outgoing.on("error", reject);
    outgoing.setTimeout(TIMEOUT, () => outgoing.destroy(new Error("it does not answer")));
    outgoing.end(text);
  });
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** What the daemon says to `POST /reload`. */
export type ReloadAnswer =
  | {
    readonly running: false;
    /** The configuration of the pfw that does run, where it is not the one that was named. */
    readonly otherConfig?: string;
  }
  | {
    readonly running: true;
    readonly ok: true;
    readonly summary: string;
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

interface ReloadBody {
  readonly summary?: string;
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
  const { summary, mode, error, exitCode, otherConfig } = answer.body;
  if (otherConfig !== undefined) return { running: false, otherConfig };
  if (answer.status === 200) {
    return { running: true, ok: true, summary: summary ?? "reloaded", mode };
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
