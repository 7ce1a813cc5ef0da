/** docs/openapi.json, OpenAPI 3.1, from the routes and their schemas. */
import * as z from "zod";
import { ANSWERS, nameOf, REQUESTS } from "./names.ts";
import type { Operation, Parameter, Reply } from "./operation.ts";

/** A JSON value that is no array. */
type Tree = Record<string, unknown>;

const REFERENCE = "#/components/schemas/";

const INFO = {
  title: "pfw",
  version: "1",
  summary: "The running firewall: the API of its dashboard and of its control socket.",
  description:
    "Times are milliseconds since 1970, or ISO 8601 in UTC where they are text. The dashboard " +
    "wants a session (`POST /api/login`) or the token as a bearer token. The control socket, " +
    "`pfw.sock` in the run directory, speaks HTTP and lets in only its owner. What the dashboard " +
    "answers and changes under `/api` it does too, without `/api`; its own routes name it as " +
    "their server. Later versions may add fields, and none changes its meaning.",
  license: { name: "MIT", identifier: "MIT" },
};

const DASHBOARD = {
  url: "http://{address}",
  description: "The dashboard: `pfw start --dashboard`.",
  variables: { address: { default: "127.0.0.1:8787" } },
};

const SOCKET = {
  url: "http://localhost",
  description: "The control socket: `curl --unix-socket /run/personal-firewall/pfw.sock`.",
};

const SECURITY = {
  session: {
    type: "apiKey",
    in: "cookie",
    name: "pfw_session",
    description: "Set by `POST /api/login`.",
  },
  bearer: {
    type: "http",
    scheme: "bearer",
    description: "The token that `pfw start --dashboard` prints.",
  },
};

/** The document. */
export function makeDocument(operations: readonly Operation[]): Tree {
  const paths: Record<string, Tree> = {};
  for (const operation of operations) {
    const path = operation.path.replace(/:(\w+)/g, "{$1}");
    paths[path] ??= operation.door === "socket" ? { servers: [SOCKET] } : {};
    paths[path][operation.method.toLowerCase()] = describe(operation);
  }
  return {
    openapi: "3.1.0",
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    info: INFO,
    servers: [DASHBOARD],
    security: [{ session: [] }, { bearer: [] }],
    tags: [...new Set(operations.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { ...namedSchemas(REQUESTS, "input"), ...namedSchemas(ANSWERS, "output") },
      securitySchemes: SECURITY,
    },
  };
}

function describe(operation: Operation): Tree {
  const { id, tag, summary, description, parameters = [], request, answers, door } = operation;
  const needsNothing = operation.isOpen || door === "socket";
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    ...needsNothing ? { security: [] } : {},
    parameters: parameters.length > 0 ? parameters.map(describeParameter) : undefined,
    requestBody: request && {
      required: true,
      content: {
        "application/json": { schema: reference(request.schema), example: request.example },
      },
    },
    responses: Object.fromEntries(
      Object.entries(answers).map(([status, reply]) => [status, describeReply(reply)]),
    ),
  };
}

function describeParameter({ name, in: place, schema }: Parameter): Tree {
  const { description, ...rest } = inline(schema);
  return { name, in: place, required: place === "path", description, schema: rest };
}

function describeReply({ description, schema, example, type, headers }: Reply): Tree {
  const told = Object.entries(headers ?? {}).map(([name, header]) => {
    const { description, ...rest } = inline(header);
    return [name, { description, schema: rest }];
  });
  return {
    description,
    headers: told.length > 0 ? Object.fromEntries(told) : undefined,
    content: schema && {
      [type ?? "application/json"]: {
        schema: type?.startsWith("text/plain") ? inline(schema) : reference(schema),
        example,
      },
    },
  };
}

function reference(schema: z.ZodType): Tree {
  return { $ref: REFERENCE + nameOf(schema) };
}

/** Says what `integer` and `date-time` say already, and nothing to people. */
function leaveOut({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
}

function inline(schema: z.ZodType): Tree {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", override: leaveOut });
  return rest;
}

function namedSchemas(registry: typeof ANSWERS, io: "input" | "output"): Tree {
  const uri = (id: string) => REFERENCE + id;
  const { schemas } = z.toJSONSchema(registry, { io, uri, override: leaveOut });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _, $id: __, ...rest }]) => [id, rest]),
  );
}
