/**
 * pfw as a library: read a configuration, judge packets, replay captures.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { buildPolicy, configSchema, decode, Direction, isBlocked, LinkType, Matcher } from "./mod.ts";
 * import { ParsedPacket, REASONS, reasonOf } from "./mod.ts";
 *
 * const config = configSchema.parse({ rules: [], blacklist_ips: ["192.0.2.0/24"] });
 * const matcher = new Matcher(buildPolicy(config));
 *
 * // An IPv4 header from 192.0.2.1 to 198.51.100.1, and a TCP SYN to port 443.
 * const bytes = new Uint8Array([
 *   0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1,
 *   0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0, 0, 0, 0, 0,
 * ]);
 * const packet = new ParsedPacket();
 * const view = new DataView(bytes.buffer);
 * decode(packet, view, 0, bytes.length, LinkType.raw);
 * packet.direction = Direction.incoming;
 *
 * const verdict = matcher.decide(packet, view);
 * assert.ok(isBlocked(verdict));
 * assert.equal(REASONS[reasonOf(verdict)], "blacklist");
 * ```
 *
 * @module
 */
export { type ExitCode, PfwError } from "./engine/errors.ts";
export {
  type Family,
  formatAddress,
  formatPrefix,
  parsePrefix,
  type Prefix,
} from "./engine/net/address.ts";
export { PrefixList } from "./engine/net/prefix_list.ts";
export { type Layer, PrefixTable } from "./engine/net/prefix_table.ts";
export { decode } from "./engine/packet/decode.ts";
export { LinkType } from "./engine/packet/link_layer.ts";
export { decodeNflog, NflogRecord } from "./engine/packet/nflog.ts";
export {
  DecodeResult,
  Direction,
  DIRECTIONS,
  ParsedPacket,
  Protocol,
  TcpFlag,
} from "./engine/packet/packet.ts";
export { buildPolicy, type DynamicLists } from "./engine/policy/build_policy.ts";
export { Matcher, type MatcherOptions } from "./engine/policy/matcher.ts";
export {
  EMPTY_POLICY,
  type Policy,
  type PolicyRule,
  type PortRange,
  type RateLimit,
  type RuleDirection,
  type RuleProtocol,
} from "./engine/policy/policy.ts";
export { type Config, type ConfigRule, configSchema } from "./engine/policy/schema.ts";
export {
  type Action,
  isBlocked,
  type ReasonCode,
  reasonOf,
  REASONS,
  reasonText,
  ruleOf,
  type Verdict,
} from "./engine/policy/verdict.ts";
export { replay, type ReplayOptions, type ReplayResult } from "./engine/replay.ts";
