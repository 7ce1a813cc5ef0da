/**
 * V8's settings in whatever is built. A small young generation and an old one that grows slowly:
 * packets make no garbage, and what loading a policy makes is not kept. `gc` is there for
 * `engine/memory.ts`.
 */
export const V8_FLAGS = "--expose-gc,--max-semi-space-size=2,--heap-growing-percent=20";
