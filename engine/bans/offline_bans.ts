/** The bans that the database holds, for who asks while no pfw runs. */
import { StoreReader } from "../observe/store_reader.ts";
import type { BanView } from "./ban.ts";
import { viewsOf } from "./stored_ban.ts";

/**
 * The bans in force at `now`, milliseconds since 1970, oldest first; none without a database.
 *
 * @throws PfwError where it cannot be read
 */
export function offlineBans(path: string, now: number = Date.now()): BanView[] {
  using reader = StoreReader.open(path);
  return reader ? viewsOf(reader.bans(now), now) : [];
}
