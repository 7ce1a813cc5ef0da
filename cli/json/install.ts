/** JSON of install, uninstall, completion and man. */
import * as z from "zod";
import type { InstallReport } from "../install/install.ts";
import { flag, text } from "../../engine/control/schemas/parts.ts";
import { documented } from "./parts.ts";

const steps = z.array(z.strictObject({
  what: text("What the step does."),
  state: z.enum(["done", "kept", "planned", "failed"])
    .describe("kept: there was nothing to do; planned: with --dry-run."),
  why: text("Why it failed.").optional(),
}));

const warnings = z.array(z.string());

export const install = documented(
  "install",
  "Each step of the installation.",
  z.strictObject({
    installed: flag("False with --dry-run."),
    version: text("What is installed."),
    root: text("Below which directory; / is this machine."),
    distribution: text("As /etc/os-release says, or unknown."),
    steps,
    warnings,
  }) satisfies z.ZodType<InstallReport>,
);

export const uninstall = documented(
  "uninstall",
  "Each step.",
  z.strictObject({
    uninstalled: flag("False with --dry-run."),
    purge: flag("Whether configuration, data and logs go too."),
    root: text("Below which directory; / is this machine."),
    steps,
    warnings,
  }),
);

export const completion = documented(
  "completion",
  "The script of a shell.",
  z.strictObject({ shell: z.enum(["bash", "zsh", "fish"]), script: z.string() }),
);

export const man = documented(
  "man",
  "The man page pfw(8).",
  z.strictObject({ page: text("Its text, roff.") }),
);
