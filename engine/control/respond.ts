/** How the running firewall answers: with what was asked for, or why not. */
import type { Context } from "hono";
import type * as z from "zod";
import { errorText, ExitCode, PfwError, withoutAdvice } from "../errors.ts";
import { CutError } from "../policy/cut_error.ts";
import type { Cut } from "../policy/cuts.ts";
import { explainIssues } from "../policy/explain_issue.ts";
import { formatPath } from "../policy/problem.ts";

/** This pfw runs without that part. */
export class AbsentPart extends PfwError {}

/** Somebody else changed meanwhile what a request speaks of. */
export class StaleError extends PfwError {}

/** A request whose body is not as it should be. */
export class RequestError extends PfwError {
  constructor(readonly problems: readonly FieldProblem[]) {
    const texts = problems.map(({ path, message }) => path ? `${path}: ${message}` : message);
    super("wrong request", texts.join(", "), "", ExitCode.usage);
  }
}

/** What is wrong with one value of a request. */
export interface FieldProblem {
  /** `rule.ports[0]`; empty where the whole request is meant. */
  readonly path: string;
  /** For people, without the path. */
  readonly message: string;
}

/** The kinds of refusal. */
export const ERROR_CODES = [
  "would_cut",
  "stale",
  "unauthorized",
  "too_many",
  "invalid",
  "absent",
  "failed",
] as const;

/** One of `ERROR_CODES`. */
export type ErrorCode = typeof ERROR_CODES[number];

/** An answer that is not 2xx. */
export interface ErrorAnswer {
  /** For people, in one line, with what to do about it on a command line. */
  readonly error: string;
  /** The same without that, for a page; absent where it is the same. */
  readonly plain?: string;
  readonly code: ErrorCode;
  /** What a command that asked should end with. */
  readonly exitCode: ExitCode;
  /** With `would_cut`. */
  readonly cuts?: readonly Cut[];
  /** With `invalid`, where it is the request's values that are. */
  readonly problems?: readonly FieldProblem[];
}

/** Answers with what `work` gives, or with its error. */
export async function respond(context: Context, work: () => unknown): Promise<Response> {
  try {
    return context.json(await work() as object);
  } catch (error) {
    const { status, answer } = refusal(error);
    return context.json(answer, status);
  }
}

/** An error as an answer. */
export function refusal(error: unknown): { status: 404 | 409 | 422 | 500; answer: ErrorAnswer } {
  const exitCode = error instanceof PfwError ? error.exitCode : ExitCode.failed;
  const plain = error instanceof PfwError && error.next ? { plain: withoutAdvice(error) } : {};
  const answer = (code: ErrorCode) => ({ error: errorText(error), ...plain, code, exitCode });
  if (error instanceof CutError) {
    return { status: 409, answer: { ...answer("would_cut"), cuts: error.cuts } };
  }
  if (error instanceof RequestError) {
    return { status: 422, answer: { ...answer("invalid"), problems: error.problems } };
  }
  if (error instanceof StaleError) return { status: 409, answer: answer("stale") };
  if (error instanceof AbsentPart) return { status: 404, answer: answer("absent") };
  if (!(error instanceof PfwError)) return { status: 500, answer: answer("failed") };
  return { status: 422, answer: answer(exitCode === ExitCode.usage ? "invalid" : "failed") };
}

/** The longest time that a body may take to arrive, in milliseconds. */
const BODY_TIME = 10_000;

/** At most so many problems are named. */
const NAMED_PROBLEMS = 5;

/**
 * The body of a request, held to a schema.
 *
 * @throws RequestError that names what is wrong with it
 */
export async function readBody<T>(context: Context, schema: z.ZodType<T>): Promise<T> {
  const body = await readJson(context);
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const problems = explainIssues(result.error.issues, body, NAMED_PROBLEMS, ["request"]);
  throw new RequestError(
    problems.map(({ path, message }) => ({ path: formatPath(path), message })),
  );
}

/** The body of a request as JSON; an empty one is an empty object. */
export async function readJson(context: Context): Promise<unknown> {
  const text = await readText(context);
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch {
    // Without repeating what came.
    throw new PfwError("wrong request", "expected a JSON object", "", ExitCode.usage);
  }
}

/** The body of a request, which must arrive in time. */
function readText({ req }: Context): Promise<string> {
  return inTime(req.text());
}

/** Who sends a body byte by byte is not waited for. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new PfwError("wrong request", "its body did not arrive in time");
    timer = setTimeout(() => reject(error), BODY_TIME);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}
