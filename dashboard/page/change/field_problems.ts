/** What is wrong with a request, in the words of the form that it was made with. */
import type { FieldProblem } from "../../contract.ts";

/** Labels of fields by the values that they fill in: `{ "rule.ports": "Ports" }`. */
export type Labels = Readonly<Record<string, string>>;

/** `Ports: 99999 is not 1 to 65535`; what no field stands for is said without its path. */
export function problemsText(problems: readonly FieldProblem[], labels: Labels): string {
  return problems.map(({ path, message }) => {
    const label = labelOf(path, labels);
    return label === undefined ? message : `${label}: ${message}`;
  }).join(", ");
}

/** The problems of each field. */
export function byLabel(
  problems: readonly FieldProblem[],
  labels: Labels,
): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const { path, message } of problems) {
    const label = labelOf(path, labels);
    if (label !== undefined) {
      texts[label] = label in texts ? `${texts[label]}, ${message}` : message;
    }
  }
  return texts;
}

/** `rule.ports[0]` is of the field for `rule.ports`. */
function labelOf(path: string, labels: Labels): string | undefined {
  return labels[path.replace(/\[\d+\]$/, "")];
}
