/** Feeds for the tests of `pfw threats`: files in a sandbox, and states as a running pfw gives them. */
import type { FeedState } from "../../intel/feed.ts";
import type { Sandbox } from "../support/sandbox.ts";

/** A feed's file and its entry in the configuration. */
export function feedFile(box: Sandbox, name: string, text: string, more: object = {}) {
  const path = box.path(`${name.replace(/\W/g, "_")}.feed`);
  Deno.writeTextFileSync(path, text);
  // A file of this very moment may still be written to, and is read again.
  Deno.utimeSync(path, 1_700_000_000, 1_700_000_000);
  return { name, url: `file://${path}`, ...more };
}

/** A state with these differences from an ordinary one. */
export function stateOf(name: string, more: Partial<FeedState> = {}): FeedState {
  return {
    name,
    url: `https://example.org/${encodeURIComponent(name)}?key=hidden`,
    format: "auto",
    foundFormat: "plain",
    enabled: true,
    interval: 3_600,
    status: "ok",
    receivedBytes: 0,
    entries: 1_234,
    refused: {},
    fetchedAt: "2026-01-01T00:00:00.000Z",
    checkedAt: "2026-01-01T00:00:00.000Z",
    nextAt: null,
    error: null,
    ...more,
  };
}
