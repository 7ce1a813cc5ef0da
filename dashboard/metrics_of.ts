/** The running firewall as its metrics ask it. */
import { Metrics } from "./metrics.ts";
import type { Shown } from "./shown.ts";

/** Makes the answer to `GET /metrics`; nothing of it is loaded before somebody asks. */
export function metricsOf(shown: Shown, clients: () => number) {
  const { control, view } = shown;
  const metrics = new Metrics({
    status: () => control.status(),
    cells: () => view.totals.cells(),
    counters: () => control.kernelCounters(),
    rules: () => control.rules(),
    bans: () => control.bans.list(),
    queues: () => ({ blockedRows: view.blocked.count, allowedRows: view.allowed.count }),
    databaseBytes: () => sizeOf(control.paths.database),
    clients,
  });
  return async () => ({ type: metrics.contentType, text: await metrics.text() });
}

/** The database and its log, which is a part of it. */
function sizeOf(path: string): number | undefined {
  const bytes = bytesOf(path);
  return bytes === undefined ? undefined : bytes + (bytesOf(`${path}-wal`) ?? 0);
}

function bytesOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch {
    return undefined;
  }
}
