/** What the control socket offers of feeds and bans: its requests and answers as types. */
import type { BanView } from "../bans/ban.ts";
import type { FeedState } from "../../intel/feed.ts";
import type { Mode } from "./status.ts";

/** Answer of `GET /threats`. */
export interface ThreatsAnswer {
  readonly feeds: readonly FeedState[];
  /** Prefixes in force, all feeds merged. */
  readonly entries: number;
  /** Whether an update is under way. */
  readonly updating: boolean;
  /** Which feeds it concerns; an older pfw does not say. */
  readonly underWay?: readonly string[];
  /** Why the kernel does not have the newest lists; null when it does. */
  readonly fault: string | null;
  /** Filled in by the route: only with `enforce` the kernel has them. */
  readonly mode?: Mode;
}

/** Body of `POST /threats/update`; answered at once, `GET /threats` shows how it goes. */
export interface UpdateRequest {
  /** Feeds by name; all enabled ones unless given. */
  readonly names?: readonly string[];
  /** Takes a list that shrank or changed its form. */
  readonly force?: boolean;
}

/** Addresses in one request that changes bans. */
export const MOST_ADDRESSES = 1_000;

/** Body of `POST /bans`. */
export interface BanRequest {
  /** Addresses or CIDR ranges. */
  readonly addresses: readonly string[];
  readonly seconds: number;
  readonly reason: string;
  /** Also what the machine or its operator depends on. */
  readonly force?: boolean;
  /** The other end of the SSH session that it was given in; the running pfw need not know that one. */
  readonly session?: string;
}

/** Body of `POST /bans/remove`. */
export interface UnbanRequest {
  readonly addresses: readonly string[];
}

/** Answer of `GET /bans`, and of both changes: then `bans` are those that were changed. */
export interface BansAnswer {
  readonly bans: readonly BanView[];
  /** Asked for and not banned, by `POST /bans/remove`. */
  readonly unknown?: readonly string[];
  /** Filled in by the route: only with `enforce` the kernel has them. */
  readonly mode?: Mode;
}

/** What the running firewall offers of its feeds. */
export interface ThreatControl {
  answer(): ThreatsAnswer;
  /** Begins an update. @throws PfwError for a feed that is not configured */
  beginUpdate(request: UpdateRequest): void;
}

/** What the running firewall offers of its bans. Changes are in the kernel when they return. */
export interface BanControl {
  list(): readonly BanView[];
  /** @throws PfwError when an address is none, is protected, or the kernel refuses */
  add(request: BanRequest): Promise<BansAnswer>;
  remove(request: UnbanRequest): Promise<BansAnswer>;
}
