/** The changes that commands have the running pfw make: the same way as they would themselves. */
import type { ConfigEdits } from "./control/config_edits.ts";
import type { EditAnswer, EditRequest } from "./control/edit_by_running.ts";
import { PfwError } from "./errors.ts";
import { performEdit } from "./policy/edits.ts";

/** What it works with. */
export interface EditParts {
  /** Paths of the files that this pfw uses. */
  readonly config: string;
  readonly dataDir: string;
  readonly edits: ConfigEdits;
}

/** Makes changes under the lock of the file, as every command does. */
export class DaemonEdits {
  readonly #parts: EditParts;

  constructor(parts: EditParts) {
    this.#parts = parts;
  }

  /** See `Editing.edit`; throws as the change does, and what it threw changed nothing. */
  async edit(request: EditRequest, isGone: () => boolean): Promise<EditAnswer | undefined> {
    const { name, input, command, user, force, session } = request;
    if (!await this.#isOurs(request)) return undefined;
    const change = { command, user, force };
    const { edited, safe } = await this.#parts.edits.make(change, session, (draft) => {
      // It may have waited long for its turn: nothing is changed that nobody hears of.
      if (isGone()) throw new PfwError("cannot make this change", "whoever asked has gone");
      return performEdit(draft, name, input);
    });
    return { ...edited, notices: safe.notices };
  }

  async #isOurs({ config, dataDir }: EditRequest): Promise<boolean> {
    return config === await Deno.realPath(this.#parts.config) &&
      dataDir === await Deno.realPath(this.#parts.dataDir);
  }
}
