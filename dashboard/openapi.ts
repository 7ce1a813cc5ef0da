/** The API of the dashboard and of the control socket, described by OpenAPI 3.1. */
import type * as z from "zod";
import { ASKING_ROUTES } from "./openapi/asking_routes.ts";
import { CHANGING_ROUTES } from "./openapi/changing_routes.ts";
import { makeDocument } from "./openapi/document.ts";
import { EVENTS } from "./openapi/live.ts";
import type { Door, Operation } from "./openapi/operation.ts";
import { SOCKET_ROUTES } from "./openapi/socket_routes.ts";

export type { Door } from "./openapi/operation.ts";

/** Every route. */
export const OPERATIONS: readonly Operation[] = [
  ...ASKING_ROUTES,
  ...CHANGING_ROUTES,
  ...SOCKET_ROUTES,
];

/** The text of docs/openapi.json. */
export function openApiText(): string {
  return `${JSON.stringify(makeDocument(OPERATIONS), null, 2)}\n`;
}

/** A route as Hono has it: `:name` stands for one part of the path. */
export interface DescribedRoute {
  readonly door: Door;
  readonly method: string;
  readonly path: string;
}

/** The routes that the document describes; only of one door where it is named. */
export function routesDescribed(door?: Door): DescribedRoute[] {
  return OPERATIONS.filter((operation) => door === undefined || operation.door === door)
    .map(({ door, method, path }) => ({ door, method, path }));
}

/**
 * What in an answer is not as the document says; empty where all is.
 *
 * @param path as it was asked for, with or without a query
 * @param body as parsed from JSON; `undefined` where there is none
 */
export function validateAnswer(
  method: string,
  path: string,
  status: number,
  body: unknown,
): string[] {
  const operation = operationFor(method, path);
  if (!operation) return [`${method} ${path} is not described`];
  const reply = operation.answers[status] ??
    (status >= 400 ? operation.answers.default : undefined);
  if (!reply) return [`${method} ${path}: status ${status} is not described`];
  if (reply.schema) return problemsOf(reply.schema, body);
  return body === undefined ? [] : [`${method} ${path}: a body, where none is described`];
}

/** The same of the data of a server-sent event. */
export function validateEvent(name: string, data: unknown): string[] {
  const schema = Object.entries(EVENTS).find(([event]) => event === name)?.[1];
  return schema ? problemsOf(schema, data) : [`the event ${name} is not described`];
}

function problemsOf(schema: z.ZodType, value: unknown): string[] {
  const issues = schema.safeParse(value).error?.issues ?? [];
  return issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
}

function operationFor(method: string, asked: string): Operation | undefined {
  const parts = asked.split("?")[0].split("/");
  return OPERATIONS.find((operation) => {
    const own = operation.path.split("/");
    return operation.method === method && own.length === parts.length &&
      own.every((part, at) => part.startsWith(":") ? parts[at] !== "" : part === parts[at]);
  });
}
