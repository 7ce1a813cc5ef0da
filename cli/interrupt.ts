/** Doing something again and again until Ctrl-C. */

/**
 * Calls `step` now and then every `interval` milliseconds, until SIGINT or SIGTERM comes or `step`
 * returns false. An interruption is the expected end, not an error.
 */
export async function untilInterrupted(
  interval: number,
  step: () => boolean | Promise<boolean>,
): Promise<void> {
  let wake = () => {};
  let isOver = false;
  const end = () => {
    isOver = true;
    wake();
  };
  Deno.addSignalListener("SIGINT", end);
  Deno.addSignalListener("SIGTERM", end);
  try {
    while (!isOver && await step()) {
      if (isOver) break;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, interval);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    Deno.removeSignalListener("SIGINT", end);
    Deno.removeSignalListener("SIGTERM", end);
  }
}
