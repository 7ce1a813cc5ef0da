/** What the ban book answers. */
import type { Prefix } from "../net/address.ts";
import type { Ban } from "./ban.ts";

/** A source was banned, or its ban became longer. */
export interface BanChange {
  readonly kind: "banned";
  readonly added: Ban;
  /** No longer banned by themselves: narrower ones that it replaces, one that gave way to it. */
  readonly removed: readonly Prefix[];
}

/** Why the book does not act upon a detection. */
export const BAN_REFUSALS = [
  /** Banned already, and the packets were under way; or a person's ban holds it. */
  "banned",
  /** It is or holds an address that is whitelisted or that the machine depends on or speaks with. */
  "protected",
  /** As many bans as the limit allows are in force, all of them a person's. */
  "full",
  /** The detector only says what it would do. */
  "dry_run",
] as const;

/** One of `BAN_REFUSALS`. */
export type BanRefusalCause = typeof BAN_REFUSALS[number];

/** A source was not banned. */
export interface BanRefusal {
  readonly kind: "refused";
  readonly cause: BanRefusalCause;
  /** For people. */
  readonly why: string;
  /** False where the same was said before, or goes without saying. */
  readonly isWorthSaying: boolean;
}

/** What a person's ban came to. */
export interface BanAddition {
  readonly added: readonly Ban[];
  /** Automatic ones that gave way because the book was full. */
  readonly removed: readonly Prefix[];
  /** Makes the book as it was before, where the kernel would not have it. */
  readonly undo: () => void;
}

/** What lifting bans came to. */
export interface BanRemoval {
  readonly removed: readonly Ban[];
  /** Asked for and not banned. */
  readonly unknown: readonly Prefix[];
  /** Makes the book as it was before, where the kernel would not have it. */
  readonly undo: () => void;
}
