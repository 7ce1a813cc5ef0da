/** The answer to `explain`: the policy's way to its verdict, and what in the kernel stands for it. */
import type { BanView } from "../bans/ban.ts";
import { ExitCode, PfwError } from "../errors.ts";
import type { Commands } from "../kernel/command.ts";
import { findEvidence, type KernelEvidence } from "../kernel/evidence.ts";
import { findForeign } from "../kernel/foreign.ts";
import { readTables } from "../kernel/kernel_state.ts";
import { findNftChains } from "../kernel/nft_ruleset.ts";
import { isOurs, type SavedTables } from "../kernel/saved_state.ts";
import { formatPrefix, parseSingle, type Prefix } from "../net/address.ts";
import type { OwnEnd } from "../net/own_end.ts";
import type { Policy } from "../policy/policy.ts";
import { followPolicy, type Step, type Subject, type Trail } from "../policy/trail.ts";
import { type Action, type ReasonCode, reasonText } from "../policy/verdict.ts";

/** Body of `POST /explain`: a connection that is to be opened. */
export interface ExplainRequest {
  /** The other end. */
  readonly address: string;
  /** Who opens it: `in` the other end. */
  readonly direction: "in" | "out";
  readonly protocol?: "tcp" | "udp" | "icmp";
  readonly port?: number;
}

/** A feed that lists the address. */
export interface FeedListing {
  readonly feed: string;
  readonly entry: string;
  /** As the feed counts it; 0 where it does not say. */
  readonly level: number;
}

/** The answer; the JSON of `explain`. */
export interface ExplainAnswer extends ExplainRequest {
  /** Whether a pfw enforces this policy now. */
  readonly enforced: boolean;
  readonly action: Action;
  readonly reason_code: ReasonCode;
  /** The same, by the name that it had first. */
  readonly reasonCode: ReasonCode;
  readonly reason: string;
  /** The address is this machine's own: packets within it are never judged. */
  readonly isLocal: boolean;
  readonly steps: readonly Step[];
  /** The ban that covers the address, with its evidence. */
  readonly ban: BanView | null;
  /** Every feed that lists the address, whether or not something before them decides. */
  readonly feeds: readonly FeedListing[];
  /** Null where nothing is enforced. */
  readonly kernel: KernelEvidence | null;
  /** What is to be known beside it: others that decide first, what is not as it should be. */
  readonly warnings: readonly string[];
}

/** What the answer is made of. */
export interface ExplainFacts {
  /** With the bans in force. */
  readonly policy: Policy;
  readonly own: readonly Prefix[];
  readonly ownEnd?: OwnEnd;
  readonly banOf: (address: Prefix) => BanView | undefined;
  readonly listingsOf: (address: Prefix) => readonly FeedListing[];
  /** Absent where nothing is enforced. */
  readonly commands: Commands | undefined;
}

/** @throws PfwError for an address that is none */
export async function explain(
  request: ExplainRequest,
  facts: ExplainFacts,
): Promise<ExplainAnswer> {
  const subject = readSubject(request, facts);
  const trail = followPolicy(facts.policy, subject);
  const ban = facts.banOf(subject.address) ?? null;
  const feeds = facts.listingsOf(subject.address);
  const { decisive } = trail;
  const detail = decisive.rule?.name ?? (decisive.code === "ban" ? ban?.reason : feeds[0]?.feed);
  return {
    ...request,
    address: formatPrefix(subject.address),
    enforced: facts.commands !== undefined,
    action: trail.action,
    reason_code: decisive.code,
    reasonCode: decisive.code,
    reason: trail.isLocal ? NEVER_JUDGED : reasonText(decisive.code, detail),
    isLocal: trail.isLocal,
    steps: trail.steps,
    ban,
    feeds,
    ...await askKernel(facts.commands, subject, trail),
  };
}

function readSubject(
  { address, direction, protocol, port }: ExplainRequest,
  { own, ownEnd }: ExplainFacts,
): Subject {
  const prefix = parseSingle(address);
  if (prefix) {
    const from = direction === "out" ? ownEnd?.(prefix) : undefined;
    return { address: prefix, direction, protocol, port, own, from };
  }
  const why = `${JSON.stringify(address.slice(0, 60))} is not one IP address`;
  throw new PfwError("cannot explain", why, "give an IPv4 or IPv6 address", ExitCode.usage);
}

async function askKernel(
  commands: Commands | undefined,
  { address, direction }: Subject,
  { decisive, action, isLocal }: Trail,
): Promise<{ kernel: KernelEvidence | null; warnings: string[] }> {
  if (!commands) return { kernel: null, warnings: [] };
  const tables = await readTables(commands, address.family);
  // No set is asked about what comes and goes by the loopback device.
  const kernel = isLocal ? NO_EVIDENCE : await findEvidence(commands, tables, decisive, address);
  const decidesIn = decidingTable(tables, decisive.code, kernel);
  const { before, after } = findForeign(tables, direction, decidesIn);
  const native = await findNftChains(commands, direction, decidesIn);
  return {
    kernel,
    warnings: [
      ...missing(kernel, decisive),
      ...[...before, ...native].map((rule) => `decides before pfw: ${rule}`),
      // What ours drops is gone; what ours lets pass, others may still drop.
      ...(action === "allow" ? after : []).map((rule) => `may still drop it after pfw: ${rule}`),
    ],
  };
}

/** Whatever stands first in the way of such a packet, none is asked. */
const NEVER_JUDGED = "packets within this machine are never judged";

const NO_EVIDENCE: KernelEvidence = { tables: [], packets: 0, bytes: 0 };

/** `raw` for a list that is asked there; the whitelist also has its say in `filter`. */
function decidingTable(
  tables: SavedTables,
  code: ReasonCode,
  kernel: KernelEvidence,
): "raw" | "filter" {
  const isAsked = code === "whitelist"
    ? [...tables.get("raw")?.values() ?? []].some(isOurs)
    : kernel.tables.includes("raw");
  return isAsked ? "raw" : "filter";
}

function missing({ set, isInSet, chain, tables }: KernelEvidence, step: Step): string[] {
  const found: string[] = [];
  if (set && !isInSet) found.push(`the kernel's set ${set} does not hold it`);
  if (chain && tables.length === 0) {
    found.push(`the kernel has no chain ${chain} for "${step.text}"`);
  }
  return found;
}
