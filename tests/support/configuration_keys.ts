/** The keys of the configuration, as its JSON Schema has them. */
import { configJsonSchema } from "../../engine/policy/config_schema_file.ts";

/** A JSON Schema, as far as keys go. */
export interface KeySchema {
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly items?: KeySchema;
  readonly default?: unknown;
}

/** A key and its schema. */
export interface ConfigurationKey {
  /** `rules[].name`. */
  readonly path: string;
  readonly schema: KeySchema;
}

/** Every key, sections and lists before what is in them. */
export function configurationKeys(): ConfigurationKey[] {
  return keysOf(configJsonSchema() as KeySchema, "");
}

function keysOf({ properties, items }: KeySchema, before: string): ConfigurationKey[] {
  if (items) return keysOf(items, `${before}[]`);
  return Object.entries(properties ?? {}).flatMap(([key, schema]) => {
    const path = before ? `${before}.${key}` : key;
    return [{ path, schema }, ...keysOf(schema, path)];
  });
}
