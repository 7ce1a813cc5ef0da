/** Every command that prints JSON, and the schema of what it prints. */
import * as z from "zod";
import * as install from "./install.ts";
import * as lists from "./lists.ts";
import * as observe from "./observe.ts";
import * as rules from "./rules.ts";
import * as service from "./service.ts";
import * as threats from "./threats.ts";

/** Schemas by command; one that prints another document with an option has one for each. */
export const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  "start": service.start,
  "start --read": service.replay,
  "status": service.status,
  "dashboard": service.dashboard,
  "stop": service.stop,
  "reload": service.reload,
  "cleanup": service.cleanup,
  "doctor": service.doctor,
  "rules list": rules.list,
  "rules add": rules.add,
  "rules remove": rules.remove,
  "rules toggle": rules.toggle,
  "rules move": rules.move,
  "rules check": rules.check,
  "rules import": rules.importRules,
  "rules export": rules.exportRules,
  "rules confirm": rules.confirm,
  "rules history": rules.history,
  "rules diff": rules.diff,
  "rules rollback": rules.rollback,
  "blacklist add": lists.addTo("blacklist"),
  "blacklist remove": lists.removeFrom("blacklist"),
  "blacklist list": lists.listOf("blacklist"),
  "whitelist add": lists.addTo("whitelist"),
  "whitelist remove": lists.removeFrom("whitelist"),
  "whitelist list": lists.listOf("whitelist"),
  "bans list": lists.bans,
  "bans add": lists.addBans,
  "bans remove": lists.removeBans,
  "threats list": threats.list,
  "threats update": threats.update,
  "threats check": threats.check,
  "threats feeds list": threats.feeds,
  "threats feeds enable": threats.enable,
  "threats feeds disable": threats.disable,
  "threats feeds add": threats.add,
  "threats feeds remove": threats.remove,
  "logs": observe.logs,
  "logs --follow": observe.logLine,
  "stats": observe.stats,
  "explain": observe.explain,
  "install": install.install,
  "uninstall": install.uninstall,
  "completion": install.completion,
  "man": install.man,
};

/** `rules list` is described in `rules-list.schema.json`. */
export function schemaFileName(command: string): string {
  return `${command.replace(/ -*/g, "-")}.schema.json`;
}

/** The text of a command's file: JSON Schema, draft 2020-12. */
export function schemaText(command: string): string {
  const { $schema, title, description, ...rest } = z.toJSONSchema(SCHEMAS[command], {
    target: "draft-2020-12",
    override: ({ jsonSchema }) => {
      // Says what `integer` and `date-time` say already, and nothing to people.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
    },
  });
  return `${JSON.stringify({ $schema, title, description, ...rest }, null, 2)}\n`;
}
