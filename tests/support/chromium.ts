/** How tests and benchmarks start Chromium. */

/** Nothing that would ask for something from elsewhere, and no sandbox, since tests are root. */
export const CHROMIUM_ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];
