/**
 * The change that waits to be confirmed, as a file in the data directory: everything that whoever
 * is alive when the time runs out needs to bring the policy before it back.
 */
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { createAtomically } from "../atomic_file.ts";
import { MAX_CONFIG_BYTES } from "./config_file.ts";

/** A change that returns unless it is confirmed. */
export interface PendingChange {
  readonly id: string;
  /** The configuration that was changed, an absolute path. */
  readonly config: string;
  readonly command: string;
  readonly user: string;
  /** ISO 8601 UTC: when it was made. For people; the clock may be set meanwhile. */
  readonly at: string;
  /** How long it waits. */
  readonly seconds: number;
  /** The boot in which, and the second of it at which, the time has run out. */
  readonly until: BootTime;
  /** Text of the configuration before. */
  readonly before: string;
  /** SHA-256 of the text after, 64 hex digits. */
  readonly after: string;
}

/** Time that nobody can set: seconds since a boot, suspended ones included. */
export interface BootTime {
  readonly boot: string;
  readonly seconds: number;
}

/** The present time; where `/proc` does not tell, the clock. */
export function bootTime(): BootTime {
  try {
    const boot = Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
    const seconds = parseFloat(Deno.readTextFileSync("/proc/uptime"));
    if (Number.isFinite(seconds)) return { boot, seconds };
  } catch {
    // Not mounted, or not for us.
  }
  return { boot: "", seconds: Date.now() / 1000 };
}

/** Seconds until the change returns; 0 when it is due, as it is after a restart of the machine. */
export function secondsLeft({ until }: PendingChange, now: BootTime = bootTime()): number {
  return until.boot === now.boot ? Math.max(0, until.seconds - now.seconds) : 0;
}

/** The file of one data directory. */
export class PendingFile {
  readonly path: string;

  constructor(dataDir: string) {
    this.path = join(dataDir, "pending_change.json");
  }

  /** What waits; `undefined` for nothing, or for a file that is damaged. */
  async read(): Promise<PendingChange | undefined> {
    let text: string;
    try {
      text = await Deno.readTextFile(this.path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      if (error instanceof Deno.errors.NotADirectory) return undefined;
      throw error;
    }
    return parsePending(text);
  }

  /** Whether anything waits, for those that look every second. */
  exists(): boolean {
    try {
      Deno.statSync(this.path);
      return true;
    } catch {
      return false;
    }
  }

  /** Notes a change; on disk when this returns. */
  async write(change: PendingChange): Promise<void> {
    const before = gzipSync(new TextEncoder().encode(change.before)).toBase64();
    await createAtomically(this.path, `${JSON.stringify({ ...change, before })}\n`, 0o600);
  }

  /** Forgets it. */
  async remove(): Promise<void> {
    await Deno.remove(this.path).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

function parsePending(text: string): PendingChange | undefined {
  try {
    const value = JSON.parse(text);
    const isWhole = ["id", "config", "command", "user", "at", "before", "after"]
      .every((key) => typeof value[key] === "string") &&
      typeof value.seconds === "number" && typeof value.until.boot === "string" &&
      typeof value.until.seconds === "number";
    if (!isWhole) return undefined;
    const compressed = Uint8Array.fromBase64(value.before);
    const before = gunzipSync(compressed, { maxOutputLength: MAX_CONFIG_BYTES });
    return { ...value, before: new TextDecoder().decode(before) };
  } catch {
    return undefined;
  }
}
