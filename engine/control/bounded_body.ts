/** No request is longer than any that makes sense. */
import type { MiddlewareHandler } from "hono";
import { ExitCode } from "../errors.ts";
import type { ErrorAnswer } from "./respond.ts";

/** Bytes; the longest request holds a thousand addresses, or a path and a command line. */
const LARGEST_BODY = 64 * 1024;

/** Before anybody reads it: memory for a body is set aside by the length that it claims to have. */
export const boundedBody: MiddlewareHandler = async (context, next) => {
  const length = Number(context.req.header("content-length") ?? 0);
  const isBounded = context.req.header("transfer-encoding") === undefined;
  if (isBounded && length <= LARGEST_BODY) return await next();
  context.header("Connection", "close");
  const error = "the request is too large";
  return context.json(
    { error, code: "invalid", exitCode: ExitCode.usage } satisfies ErrorAnswer,
    413,
  );
};
