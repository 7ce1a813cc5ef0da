/** From where the dashboard is looked at: whoever opens it says so, whoever judges changes asks. */
import type { SshSession } from "./ssh_sessions.ts";

/** Connections of people who have signed in. */
export class Viewers {
  /** Those of now; nobody looks until somebody sets this. */
  now: () => readonly SshSession[] = () => [];
}
