/** Whether what a person asks for can be a ban. */
import { ExitCode, PfwError } from "../errors.ts";
import { formatPrefix, type Prefix } from "../net/address.ts";
import type { PrefixList } from "../net/prefix_list.ts";
import { CutError } from "../policy/cut_error.ts";
import { MAX_DURATION } from "../policy/units.ts";
import type { BanLedger } from "./ban_ledger.ts";
import { CONTROL, MAX_REASON } from "./ban_text.ts";
import { overlapping } from "./protection.ts";

const WHAT = "cannot ban";

/**
 * The reason as it is kept.
 *
 * @throws PfwError exit 2 for a time or a reason that cannot be
 */
export function checkRequest(seconds: number, reason: string): string {
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_DURATION) {
    const why = `${seconds} seconds is not between one second and ten years`;
    throw new PfwError(WHAT, why, "give a time such as 1h", ExitCode.usage);
  }
  const text = reason.trim();
  const why = text.length > MAX_REASON
    ? `the reason has more than ${MAX_REASON} characters`
    : text.search(CONTROL) >= 0
    ? "the reason has control characters"
    : undefined;
  if (why) throw new PfwError(WHAT, why, "give a short one on one line", ExitCode.usage);
  return text || "banned by hand";
}

/** @throws PfwError where a prefix shares addresses with what is protected */
export function refuseProtected(prefixes: readonly Prefix[], isProtected: PrefixList): void {
  for (const prefix of prefixes) {
    const held = overlapping(isProtected, prefix);
    if (!held) continue;
    const lifeline = formatPrefix(held);
    const why = `${lifeline} is whitelisted, or this machine or its operator depends on it`;
    const cuts = [{ lifeline, by: `a ban of ${formatPrefix(prefix)}` }];
    throw new CutError(
      `${WHAT} ${formatPrefix(prefix)}`,
      cuts,
      "--force bans it all the same",
      why,
    );
  }
}

/** @throws PfwError unless there is room for these, or enough automatic bans can give way to them */
export function refuseFull(
  prefixes: readonly Prefix[],
  { index, automatic }: BanLedger,
  limit: number,
): void {
  const replaced = prefixes.flatMap((prefix) => index.get(prefix) ?? []);
  const surplus = index.size + prefixes.length - replaced.length - limit;
  const staying = replaced.filter(({ cause }) => cause !== "manual").length;
  if (surplus <= 0 || automatic - staying >= surplus) return;
  throw new PfwError(
    WHAT,
    `no more than ${limit} bans are kept`,
    "remove others, or use pfw blacklist add",
  );
}
