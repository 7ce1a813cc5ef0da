/** The ban that a detection leads to. */
import type { Detection } from "../detect/detection.ts";
import type { BanSettings } from "../policy/settings.ts";
import type { Ban } from "./ban.ts";
import { banLength } from "./ban_length.ts";
import type { BanLedger } from "./ban_ledger.ts";
import { type BanTarget, sourceNetwork } from "./ban_target.ts";
import { evidenceOf, reasonOf } from "./ban_text.ts";

/**
 * Longer than the source's last ban, and at least as long as any that it replaces.
 *
 * @param narrower bans of parts of the target, which it replaces
 */
export function automaticBan(
  { source, detector, text, evidence }: Detection,
  target: BanTarget,
  narrower: readonly Ban[],
  ledger: BanLedger,
  settings: BanSettings,
  now: number,
): Ban {
  const { prefix, parts } = target;
  // A source that uses many networks is not banned for less than one that uses a single one.
  const offences = 1 + Math.max(
    ledger.offencesOf(prefix, now),
    ledger.offencesOf(sourceNetwork(source), now),
  );
  const before = ledger.index.get(prefix);
  const ends = [...narrower, ...before ? [before] : []].map(({ until }) => until);
  return {
    prefix,
    cause: detector,
    reason: reasonOf(text, target),
    evidence: evidenceOf(evidence, parts),
    since: now,
    until: Math.max(now + banLength(settings, offences), ...ends),
    offences,
  };
}
