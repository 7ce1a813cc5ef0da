/** What a route is: what it takes and gives, in the words of docs/openapi.json. */
import type * as z from "zod";

/** The dashboard's port, or the control socket of the same pfw. */
export type Door = "dashboard" | "socket";

/** A route. */
export interface Operation {
  readonly door: Door;
  readonly method: "GET" | "POST";
  /** As Hono has it: `/api/lists/:name`. */
  readonly path: string;
  /** Unique; names the function in generated clients. */
  readonly id: string;
  readonly tag: string;
  /** One line. */
  readonly summary: string;
  readonly description?: string;
  /** For whoever asks, without a session or a token. */
  readonly isOpen?: true;
  readonly parameters?: readonly Parameter[];
  /** One of `REQUESTS`. */
  readonly request?: Body;
  /** By status, or `default` for every status that is not named. */
  readonly answers: Readonly<Record<string, Reply>>;
}

/** A part of the address or a header. */
export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  /** With a description. */
  readonly schema: z.ZodType;
}

/** A body in JSON, and how one looks. */
export interface Body {
  readonly schema: z.ZodType;
  readonly example?: unknown;
}

/** An answer; without a schema it has no body. */
export interface Reply extends Partial<Body> {
  readonly description: string;
  /** Default: application/json. */
  readonly type?: string;
  /** Headers that only this answer has, by name. */
  readonly headers?: Readonly<Record<string, z.ZodType>>;
}
