/** The named schemas of docs/openapi.json: those of what is asked, and those of what is answered. */
import * as z from "zod";

/** Bodies of requests: what has a default may be absent. */
export const REQUESTS = z.registry<{ id: string }>();

/** Bodies of answers, and what they are made of. */
export const ANSWERS = z.registry<{ id: string }>();

/** Gives a request's body its name. */
export function request<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  REQUESTS.add(schema, { id });
  return schema;
}

/** Gives an answer, or a part of one, its name. */
export function answer<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  ANSWERS.add(schema, { id });
  return schema;
}

/** The name of a schema. @throws Error for one without: every body has a name */
export function nameOf(schema: z.ZodType): string {
  const id = REQUESTS.get(schema)?.id ?? ANSWERS.get(schema)?.id;
  if (id === undefined) throw new Error("a schema in docs/openapi.json has no name");
  return id;
}
