/** Tables of iptables in memory, and what `iptables-restore --noflush` makes of them. */
import fc from "fast-check";
import type { SavedTable, SavedTables } from "../../engine/kernel/saved_state.ts";

/** Tables by name, their chains by name. */
export type Model = Map<string, Map<string, { policy: string; rules: string[] }>>;

/** What `iptables-restore --noflush` does, as far as pfw uses it; throws where iptables would. */
export function restore(before: Model, text: string): Model {
  const tables: Model = structuredClone(before);
  let table = new Map<string, { policy: string; rules: string[] }>();
  const chain = (name: string) => {
    const found = table.get(name);
    if (!found) throw new Error(`no chain ${name}`);
    return found;
  };
  for (const line of text.split("\n")) {
    const [, verb, name, rest = ""] = /^(\*|:|-[A-Z] )(\S+) ?(.*)$/.exec(line) ?? [];
    if (verb === "*") table = tables.get(name) ?? fail(`no table ${name}`);
    else if (verb === ":") table.set(name, { policy: "-", rules: [] });
    else if (verb === "-A ") chain(name).rules.push(rest);
    else if (verb === "-I ") {
      const [, position, rule] = /^(\d+) (.*)$/.exec(rest)!;
      if (Number(position) > chain(name).rules.length + 1) fail("index of insertion too big");
      chain(name).rules.splice(Number(position) - 1, 0, rule);
    } else if (verb === "-D ") {
      const at = chain(name).rules.indexOf(rest);
      chain(name).rules.splice(at < 0 ? fail(`no rule ${rest}`) : at, 1);
    } else if (verb === "-X ") {
      if (chain(name).rules.length > 0) fail(`${name} is not empty`);
      table.delete(name);
    }
  }
  for (const [name, chains] of tables) checkReferences(name, chains);
  return tables;
}

function checkReferences(table: string, chains: Map<string, { rules: string[] }>): void {
  for (const { rules } of chains.values()) {
    for (const rule of rules) {
      const target = /-[jg] (PFW-\S+)/.exec(rule)?.[1];
      if (target && !chains.has(target)) fail(`${table} refers to ${target}`);
    }
  }
}

function fail(why: string): never {
  throw new Error(why);
}

/** As `iptables-save` would be read. */
export function saved(model: Model): SavedTables {
  return new Map([...model].map(([name, chains]): [string, SavedTable] => [
    name,
    new Map([...chains].map(([name, { policy, rules }]) => [
      name,
      { name, policy, rules: rules.map((text) => ({ text, packets: 0, bytes: 0 })) },
    ])),
  ]));
}

/** Built-in chains with rules of others, in between also jumps to us that others moved. */
export const arbitraryStart: fc.Arbitrary<Model> = fc.record({
  others: fc.array(fc.constantFrom("-s 192.0.2.1/32 -j ACCEPT", "-j OTHERS"), { maxLength: 3 }),
  drop: fc.boolean(),
}).map(({ others, drop }) => {
  const builtIn = () => ({ policy: drop ? "DROP" : "ACCEPT", rules: [...others] });
  return new Map([
    ["raw", new Map([["PREROUTING", builtIn()], ["OUTPUT", builtIn()]])],
    ["filter", new Map([["INPUT", builtIn()], ["FORWARD", builtIn()], ["OUTPUT", builtIn()]])],
  ]);
});
