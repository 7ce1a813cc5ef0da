/** The colours of a chart, read from the style sheet: a canvas knows nothing of variables. */
import type { BlockingReason } from "../text/reason.ts";
import { BLOCKING } from "../text/reason.ts";

/** Colours as CSS gives them. */
export interface ChartColours {
  readonly allowed: string;
  readonly reasons: ReadonlyMap<BlockingReason, string>;
  readonly text: string;
  readonly grid: string;
}

/** Reads them as they are now, light or dark. */
export function readColours(): ChartColours {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const style = getComputedStyle(probe);
  const read = (name: string) => {
    probe.className = name;
    return style.backgroundColor;
  };
  try {
    return {
      allowed: read("swatch reason-allowed"),
      reasons: new Map(BLOCKING.map((reason) => [reason, read(`swatch reason-${reason}`)])),
      text: read("ink-axis"),
      grid: read("ink-grid"),
    };
  } finally {
    probe.remove();
  }
}
