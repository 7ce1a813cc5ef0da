/** Whether the dashboard is open, and from where it is looked at: whoever opens it says so. */
import type { SshSession } from "./ssh_sessions.ts";

/** Those who look at the dashboard. */
export class Viewers {
  /** Where it is open, without the token; `undefined` while it is not. */
  url: string | undefined;
  /** Connections of people who have signed in; nobody looks until somebody sets this. */
  now: () => readonly SshSession[] = () => [];
}
