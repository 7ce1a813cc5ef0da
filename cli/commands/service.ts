import type { Command } from "commander";
export function registerService(_program: Command): void {}
