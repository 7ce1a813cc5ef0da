/** Asking the running firewall: JSON both ways, and every failure as one kind of error. */
import { batch, signal } from "@preact/signals";
import type { ErrorAnswer, FieldProblem } from "../contract.ts";

/** Whether the firewall knows who asks; undefined until the first answer. */
export const signedIn = signal<boolean | undefined>(undefined);

/** Whether it knew until a moment ago, without anybody having signed out here. */
export const hasExpired = signal(false);

/** A change waits for the kernel, which may be busy with a large set. */
const PATIENCE = 60_000;

/** A request that did not succeed; the message is for people. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorAnswer["code"] | "offline";
  readonly cuts: NonNullable<ErrorAnswer["cuts"]>;
  readonly problems: readonly FieldProblem[];

  constructor(
    message: string,
    code: ApiError["code"],
    { cuts = [], problems = [] }: Pick<ErrorAnswer, "cuts" | "problems"> = {},
  ) {
    super(message);
    this.code = code;
    this.cuts = cuts;
    this.problems = problems;
  }
}

/** @throws ApiError */
export async function get<Answer>(path: string): Promise<Answer> {
  return await ask(path, { method: "GET" });
}

/** @throws ApiError */
export async function post<Answer>(path: string, body: unknown = {}): Promise<Answer> {
  return await ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function ask<Answer>(path: string, init: RequestInit): Promise<Answer> {
  const response = await reach(path, init);
  if (response.ok) {
    signedIn.value = true;
    return response.status === 204 ? undefined as Answer : await readJson(response);
  }
  // A wrong token says nothing of the session that there is, or that began since.
  if (response.status === 401 && path !== "/login") endSession();
  const answer = await response.json().catch(() => ({})) as Partial<ErrorAnswer>;
  const wait = response.headers.get("Retry-After");
  const message = answer.plain ?? answer.error ?? `pfw answered with status ${response.status}`;
  const hint = response.status === 429 && wait ? `; try again in ${wait} s` : "";
  throw new ApiError(message + hint, answer.code ?? "failed", answer);
}

function endSession(): void {
  batch(() => {
    if (signedIn.peek()) hasExpired.value = true;
    signedIn.value = false;
  });
}

async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(`/api${path}`, {
      ...init,
      cache: "no-store",
      credentials: "same-origin",
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new ApiError("pfw does not answer: it is stopped or cannot be reached", "offline");
  }
}

async function readJson<Answer>(response: Response): Promise<Answer> {
  try {
    return await response.json();
  } catch {
    throw new ApiError("the answer of pfw broke off", "offline");
  }
}

/** The text of any error, for people. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
