/**
 * V8's settings in whatever is built. A small young generation and an old one that grows slowly:
 * packets make no garbage, and what loading a policy makes is not kept. Marking goes on in another
 * thread and in small steps where something is allocated: as tasks, hundreds of steps in a row would
 * keep whoever waits for an answer waiting. `gc` is there for `engine/memory.ts`.
 */
const V8_FLAGS = "--expose-gc,--max-semi-space-size=2,--heap-growing-percent=20," +
  "--no-incremental-marking-task";

/**
 * What Deno is told in whatever is built. `no-legacy-abort` (in `deno.json` for what is not built):
 * a request's signal tells of a caller that has gone and not of an answer that was sent, which newer
 * versions otherwise warn of on standard error.
 */
export const RUNTIME_FLAGS: readonly string[] = [
  "--unstable-no-legacy-abort",
  `--v8-flags=${V8_FLAGS}`,
];
