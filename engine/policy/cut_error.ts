/** The error that names what would be cut and by what. */
import { PfwError } from "../errors.ts";
import type { Cut } from "./cuts.ts";

/** For a change; what has no `--confirm` says something else. */
const NEXT =
  "if you mean it, --force does it, and with --confirm 60 it returns unless you confirm it";

/** A change is refused for what it would cut. */
export class CutError extends PfwError {
  constructor(what: string, readonly cuts: readonly Cut[], next = NEXT, why = cutText(cuts)) {
    super(what, why, next);
  }
}

function cutText([first, ...rest]: readonly Cut[]): string {
  const others = rest.map(({ lifeline }) => lifeline).slice(0, 3).join(", ");
  const more = rest.length > 0 ? `, and ${rest.length} more (${others})` : "";
  return `${first.by} would cut ${first.lifeline}${more}`;
}
