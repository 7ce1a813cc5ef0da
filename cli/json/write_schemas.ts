/**
 * Writes `docs/json/`, a JSON Schema for each command that prints JSON, `docs/openapi.json` and
 * `docs/metrics.md`.
 */
import { join } from "node:path";
import { metricsDocument } from "../../dashboard/metrics/document.ts";
import { openApiText } from "../../dashboard/openapi.ts";
import { schemaFileName, SCHEMAS, schemaText } from "./schemas.ts";

const DOCS = join(import.meta.dirname!, "../../docs");

/** Where the files are. */
export const SCHEMA_DIRECTORY: string = join(DOCS, "json");

/** Writes all of them, and takes away those of commands that are gone. */
export function writeSchemas(): void {
  Deno.mkdirSync(SCHEMA_DIRECTORY, { recursive: true });
  const names = new Set<string>();
  for (const command of Object.keys(SCHEMAS)) {
    const name = schemaFileName(command);
    names.add(name);
    Deno.writeTextFileSync(join(SCHEMA_DIRECTORY, name), schemaText(command));
  }
  for (const { name } of [...Deno.readDirSync(SCHEMA_DIRECTORY)]) {
    if (name.endsWith(".schema.json") && !names.has(name)) {
      Deno.removeSync(join(SCHEMA_DIRECTORY, name));
    }
  }
}

if (import.meta.main) {
  writeSchemas();
  Deno.writeTextFileSync(join(DOCS, "openapi.json"), openApiText());
  Deno.writeTextFileSync(join(DOCS, "metrics.md"), metricsDocument());
}
