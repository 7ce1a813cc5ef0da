import type { Command } from "commander";
export function registerLists(_program: Command): void {}
