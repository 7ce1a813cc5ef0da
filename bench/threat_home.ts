/** pfw's files with the benchmarks' addresses as a threat feed that was fetched before. */
import { join } from "node:path";
import type { Settings } from "./harness.ts";
import { PfwHome } from "./pfw_under_test.ts";
import { runToEnd } from "./process.ts";
import type { BenchRule } from "./rules.ts";

/** The rate limit of the defaults, which `decide.c` is told. */
export const RATE_LIMIT = { connections: 100, seconds: 10 };

/** Share of allowed packets that is kept. */
export const SAMPLE = 0.01;

/** A private set of files. */
export interface ThreatHome extends Disposable {
  readonly home: PfwHome;
  /** The list that the feed publishes: a prefix a line. */
  readonly threats: string;
}

/** Makes the files, and has pfw fetch the feed; throws unless it takes every prefix of it. */
export async function makeThreatHome(
  { directory, pfw }: Pick<Settings, "directory" | "pfw">,
  prefixes: readonly string[],
  rules: readonly BenchRule[],
): Promise<ThreatHome> {
  const own = Deno.makeTempDirSync({ dir: directory, prefix: "threats-" });
  const threats = join(own, "feed.txt");
  Deno.writeTextFileSync(threats, prefixes.join("\n") + "\n");
  const feed = { name: "Bench", url: `file://${threats}`, format: "plain" };
  const home = new PfwHome(directory, [], {
    threat_feeds: [feed],
    rules,
    rate_limit: { enabled: true, ...RATE_LIMIT },
    logging: { allowed_sample: SAMPLE },
  });
  const remove = () => {
    home[Symbol.dispose]();
    Deno.removeSync(own, { recursive: true });
  };
  try {
    const words = ["threats", "update", "--json", ...home.options];
    const { entries } = JSON.parse((await runToEnd([...pfw.argv, ...words])).out);
    if (entries !== prefixes.length) {
      throw new Error(`pfw took ${entries} of ${prefixes.length} threats`);
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { home, threats, [Symbol.dispose]: remove };
}
