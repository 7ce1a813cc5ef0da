/** `pfw dashboard`: where the web page of the running pfw is, and how to get in. */
import { loadToken } from "../../dashboard/access/token.ts";
import { ask } from "../../engine/control/client.ts";
import type { RunningStatus } from "../../engine/control/status.ts";
import { PfwError } from "../../engine/errors.ts";
import type { CommandContext } from "../context.ts";
import { print, printJson } from "../output.ts";

/** Prints the address that signs in. */
export async function dashboard({ paths, json }: CommandContext): Promise<void> {
  const answer = await ask<RunningStatus>(paths, "GET", "/status");
  const what = "cannot show the dashboard";
  if (!answer) {
    throw new PfwError(what, "pfw is not running", "sudo pfw start --dashboard");
  }
  const { dashboard: url } = answer.body;
  if (!url) {
    const next = 'set "dashboard": {"enabled": true} in the configuration, then pfw reload';
    throw new PfwError(what, "the running pfw has none open", next);
  }
  const signIn = `${url}#token=${await loadToken(paths.dataDir)}`;
  if (json) printJson({ url, signIn });
  else print(signIn);
}
