/** What a detector saw, as it noted it: names and figures in two columns. */
import type { BanView } from "../../contract.ts";
import { formatCount } from "../text/number.ts";
import { Foreign } from "./text.tsx";

/** Samples that are shown of a long list. */
const MOST = 24;

/** Evidence of a ban. */
export function Evidence({ evidence }: { readonly evidence: BanView["evidence"] }) {
  const entries = Object.entries(evidence);
  if (entries.length === 0) return <p class="quiet">Banned by hand: there is no evidence.</p>;
  return (
    <dl class="facts">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>
            <Foreign text={spaced(name)} />
          </dt>
          <dd>
            <Foreign text={valueText(value)} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** `distinctPorts` and `half_open` as words. */
function spaced(name: string): string {
  return name.replace(/_/g, " ").replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}

function valueText(value: BanView["evidence"][string]): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") {
    return Number.isInteger(value) ? formatCount(value) : String(Math.round(value * 100) / 100);
  }
  const shown = value.slice(0, MOST).join(", ");
  return value.length > MOST ? `${shown} and ${value.length - MOST} more` : shown;
}
