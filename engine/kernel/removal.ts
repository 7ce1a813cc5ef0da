/** Takes everything of ours out of the kernel, whoever left it. */
import { PfwError } from "../errors.ts";
import type { Commands } from "./command.ts";
import { destroySets, isEmpty, type KernelState, readSets, restoreTables } from "./kernel_state.ts";
import { chainVerdict } from "./names.ts";
import type { SavedChain } from "./saved_state.ts";
import { revert, withoutChains } from "./transition.ts";

/**
 * Removes chains, jumps and sets.
 *
 * @param read reads the kernel, and counts
 * @throws PfwError when something stays
 */
export async function removeEverything(
  commands: Commands,
  read: () => Promise<KernelState>,
): Promise<void> {
  // Main chains and jumps first: then nothing counts any more, and the next reading is final.
  await removeChains(commands, await read(), (chain) => chainVerdict(chain.name) === undefined);
  await removeChains(commands, await read(), () => true);
  await destroySets(commands, [...(await readSets(commands)).keys()]);
  if (isEmpty(await read())) return;
  throw new PfwError(
    "cannot remove pfw from the kernel",
    "another program changed the firewall at the same time",
    "run `pfw cleanup`",
  );
}

async function removeChains(
  commands: Commands,
  { tables }: KernelState,
  isUnwanted: (chain: SavedChain) => boolean,
): Promise<void> {
  for (const [family, now] of tables) {
    const target = withoutChains(now, (_table, chain) => isUnwanted(chain));
    await restoreTables(commands, family, revert(now, target));
  }
}
