/** Bans in the database while no pfw runs: it takes them up at its next start. */
import type { BanView } from "../../engine/bans/ban.ts";
import { BanBook, viewOf } from "../../engine/bans/ban_book.ts";
import { BanStore } from "../../engine/bans/ban_store.ts";
import { viewsOf } from "../../engine/bans/stored_ban.ts";
import type { BanRequest, BansAnswer, UnbanRequest } from "../../engine/control/intel_control.ts";
import { PfwError } from "../../engine/errors.ts";
import { formatPrefix, parsePrefix, type Prefix } from "../../engine/net/address.ts";
import { findLifelines, protectedAddresses } from "../../engine/net/lifelines.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { Store } from "../../engine/observe/store.ts";
import { StoreReader } from "../../engine/observe/store_reader.ts";
import type { Paths } from "../../engine/paths.ts";
import { loadConfig } from "../../engine/policy/config_file.ts";
import { settingsOf } from "../../engine/policy/settings.ts";

/** The bans that are still in force by the clock; none where there is no database. */
export function readStoredBans(database: string): readonly BanView[] {
  using reader = StoreReader.open(database);
  if (!reader) return [];
  const now = Date.now();
  return viewsOf(reader.bans(now), now);
}

/**
 * Adds bans, all of them or none.
 *
 * @throws PfwError (exit 1) for what is protected; where the database cannot be written
 */
export async function addStoredBans(paths: Paths, request: BanRequest): Promise<BansAnswer> {
  const { addresses, seconds, reason, force = false } = request;
  return await changeStored(paths, (book) => {
    const { added } = book.add(addresses.map(prefixOf), seconds, reason, force);
    return { bans: added.map((ban) => viewOf(ban, Date.now())) };
  });
}

/** Lifts bans. @throws PfwError where the database cannot be written */
export async function removeStoredBans(
  paths: Paths,
  { addresses }: UnbanRequest,
): Promise<BansAnswer> {
  // Nothing is made to take something out of it.
  if (readStoredBans(paths.database).length === 0) return { bans: [], unknown: addresses };
  return await changeStored(paths, (book) => {
    const { removed, unknown } = book.remove(addresses.map(prefixOf));
    return {
      bans: removed.map((ban) => viewOf(ban, Date.now())),
      unknown: unknown.map(formatPrefix),
    };
  });
}

async function changeStored(
  paths: Paths,
  change: (book: BanBook) => BansAnswer,
): Promise<BansAnswer> {
  const { config } = await loadConfig(paths);
  const isProtected = PrefixList.from([
    ...prefixesOf(protectedAddresses(findLifelines())),
    ...prefixesOf(PrefixList.parse(config.whitelist_ips)),
  ]);
  const store = Store.open(paths.database);
  try {
    const book = new BanBook({
      settings: settingsOf(config).bans,
      isProtected: () => isProtected,
      store: new BanStore(store),
    });
    book.load();
    const answer = change(book);
    if (book.save()) return answer;
    const why = store.fault ?? "the database cannot be written";
    throw new PfwError(`cannot write to ${paths.database}`, why, "nothing was changed");
  } finally {
    store.close();
  }
}

function* prefixesOf(list: PrefixList): Generator<Prefix> {
  yield* list.prefixes(4);
  yield* list.prefixes(6);
}

function prefixOf(address: string): Prefix {
  const prefix = parsePrefix(address);
  if (prefix) return prefix;
  // The command has refused such a word already.
  throw new RangeError(`not an address: ${JSON.stringify(address)}`);
}
