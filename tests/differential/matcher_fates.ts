/** What the in-process matcher says of a batch of packets. */
import { decode } from "../../engine/packet/decode.ts";
import { LinkType } from "../../engine/packet/link_layer.ts";
import { ParsedPacket } from "../../engine/packet/packet.ts";
import { Matcher } from "../../engine/policy/matcher.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import {
  isBlocked,
  Reason,
  reasonOf,
  REASONS,
  ruleOf,
  type Verdict,
} from "../../engine/policy/verdict.ts";
import {
  directionOf,
  type Fate,
  policyOf,
  type PolicyText,
  type Shot,
  type Way,
} from "./scenario.ts";

/** When every packet is seen: nothing expires and no bucket fills within a test. */
const SECONDS = 1_700_000_000;

/** A verdict, and why a packet that passes does so. */
export interface MatcherFate {
  readonly fate: Fate;
  /** `whitelist`, `rule:<id>` or `default_policy`. */
  readonly reason: string;
}

/** Fills `packet` from the bytes of an IP packet that goes this way. */
export function decodeShot(
  packet: ParsedPacket,
  bytes: Uint8Array,
  way: Way,
): DataView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  packet.seconds = SECONDS;
  packet.microseconds = 0;
  packet.wireLength = bytes.length;
  decode(packet, view, 0, bytes.length, LinkType.raw);
  packet.direction = directionOf(way);
  return view;
}

/** The verdict on each piece of each packet, in order. */
export function matcherFates(text: PolicyText, shots: readonly Shot[]): MatcherFate[][] {
  const policy = policyOf(text);
  const matcher = new Matcher(policy, { flows: 1 << 12 });
  const packet = new ParsedPacket();
  return shots.map(({ way, pieces }) =>
    pieces.map((bytes) => fateOf(matcher.decide(packet, decodeShot(packet, bytes, way)), policy))
  );
}

function fateOf(verdict: Verdict, policy: Policy): MatcherFate {
  const reason = reasonOf(verdict);
  const ruleId = reason === Reason.rule ? policy.rules[ruleOf(verdict)].id : "-";
  return {
    fate: isBlocked(verdict) ? `drop ${REASONS[reason]}:${ruleId}` : "pass",
    reason: reason === Reason.rule ? `rule:${ruleId}` : REASONS[reason],
  };
}
