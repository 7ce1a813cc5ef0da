/** The scenes of all commands. */
import { INSTALL } from "./install.ts";
import { LISTS } from "./lists.ts";
import { OBSERVE } from "./observe.ts";
import { RULES } from "./rules.ts";
import type { Transcript } from "./scene.ts";
import { SERVICE } from "./service.ts";
import { THREATS } from "./threats.ts";

/** One for each command. */
export const TRANSCRIPTS: readonly Transcript[] = [
  ...SERVICE,
  ...RULES,
  ...LISTS,
  ...THREATS,
  ...OBSERVE,
  ...INSTALL,
];
