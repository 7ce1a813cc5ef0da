/** Things to show, for tests. */
import type { FeedState } from "../../intel/feed.ts";

/** A feed that is well, but for what is given. */
export function feedState(given: Partial<FeedState> = {}): FeedState {
  return {
    name: "Feodo Tracker",
    url: "https://feodotracker.abuse.ch/downloads/ipblocklist.txt",
    format: "auto",
    foundFormat: "plain",
    enabled: true,
    interval: 3600,
    status: "ok",
    receivedBytes: 0,
    entries: 4,
    refused: { private: 1 },
    fetchedAt: "2026-11-29T05:00:00.000Z",
    checkedAt: "2026-11-29T06:00:00.000Z",
    nextAt: "2026-11-29T07:00:00.000Z",
    error: null,
    ...given,
  };
}
