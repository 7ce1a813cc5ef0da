import type { Command } from "commander";
export function registerObserve(_program: Command): void {}
