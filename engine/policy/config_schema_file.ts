/** The JSON Schema of the configuration, by which editors complete and check while one types. */
import * as z from "zod";
import { configSchema } from "./schema.ts";

/** JSON Schema, draft 2020-12, of what the file may hold: what has a default is optional. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, { io: "input" });
  return { title: "pfw: firewall_rules.json", ...schema };
}
