/** `pfw stats` and `pfw logs` on a large database: whole processes, from start to end. */
import {
  type Benchmark,
  type Findings,
  interleave,
  median,
  medianRatio,
  type Settings,
  type Target,
  type Verdict,
} from "./harness.ts";
import { runToEnd } from "./process.ts";
import {
  ABSENT_ADDRESS,
  CROWDED_NETWORK,
  FREQUENT_ADDRESS,
  type QueryDatabase,
  queryDatabase,
  RARE_ADDRESS,
  RARE_PORT,
  RARE_REASON,
} from "./query_database.ts";

const ROWS = 10_000_000, QUICK_ROWS = 100_000;

/** Processes are short: more rounds than others cost little and steady the median. */
const FEWEST_ROUNDS = 10;

const STATS: Target = { atMost: 150 }, LOGS: Target = { atMost: 100 };

/** The benchmark. */
export const queriesBenchmark: Benchmark = {
  name: "queries",
  title: "questions to a database of 10 million blocked packets",
  obstacle: () => undefined,
  run,
};

/** One command line and what it should find. */
interface Query {
  readonly name: string;
  readonly words: readonly string[];
  /** Rows that it prints at least and at most; absent where it prints something else. */
  readonly rows?: readonly [number, number];
  readonly target?: Target;
}

function queriesOf({ newest, rows }: QueryDatabase): Query[] {
  const since = new Date(newest - 3_600_000).toISOString();
  const full: [number, number] = [50, 50];
  const logs = (
    name: string,
    words: readonly string[],
    found: readonly [number, number],
  ): Query => ({
    name: `logs ${name}`,
    words: ["logs", "--json", ...words],
    rows: found,
    target: LOGS,
  });
  const scan = (name: string, port: number, found: readonly [number, number]): Query => ({
    ...logs(name, ["--port", `${port}`], found),
    target: undefined,
  });
  return [
    { name: "an empty run (--version)", words: ["--version"] },
    { name: "stats", words: ["stats"], target: STATS },
    { name: "stats --json", words: ["stats", "--json"], target: STATS },
    logs("without a filter", [], full),
    logs("--ip, frequent address", ["--ip", FREQUENT_ADDRESS], full),
    logs("--ip, three rows at the far end", ["--ip", RARE_ADDRESS], [3, 3]),
    logs("--ip, absent address", ["--ip", ABSENT_ADDRESS], [0, 0]),
    logs("--ip, a /24", ["--ip", CROWDED_NETWORK], full),
    logs("--ip, an IPv6 /56", ["--ip", "2001:db8:0:100::/56"], full),
    logs("--ip --since", ["--ip", FREQUENT_ADDRESS, "--since", since], [1, 50]),
    logs(
      "--ip --port --reason",
      ["--ip", FREQUENT_ADDRESS, "--port", "23", "--reason", "rule"],
      rows < ROWS ? [1, 50] : full,
    ),
    logs("--since, the last hour", ["--since", since], full),
    logs("--reason, three rows at the far end", ["--reason", RARE_REASON], [3, 3]),
    logs("--port 22", ["--port", "22"], full),
    // No index has ports, which would cost every row more than a rare question is worth: spans of
    // rows that lack the port are passed over.
    scan("--port, three rows at the far end", RARE_PORT, [3, 3]),
    scan("--port, one row in 200,000", 0, [0, 50]),
  ];
}

async function run(settings: Settings): Promise<Findings> {
  const { quick, directory, blacklist, pfw, say } = settings;
  say("making the database, where it is not there yet");
  const database = queryDatabase(directory, quick ? QUICK_ROWS : ROWS, blacklist);
  const queries = queriesOf(database);
  const rounds = quick ? 1 : Math.max(FEWEST_ROUNDS, settings.rounds);
  // Once for nothing: what is measured is not the disk.
  for (const query of queries) await ask(pfw.argv, database, query);
  const values = await interleave(
    rounds,
    queries.map((query) => async () => ({
      [query.name]: 1000 * await ask(pfw.argv, database, query),
    })),
  );
  return {
    verdicts: verdictsOf(queries, values),
    series: queries.map(({ name }) => ({ name, unit: "ms", values: values[name] })),
    notes: notesOf(database, rounds),
  };
}

/** The worst of each kind first: the summary has those. */
function verdictsOf(queries: readonly Query[], values: Record<string, number[]>): Verdict[] {
  const seriesOf = ({ name }: Query) => ({ name, unit: "ms", values: values[name] });
  const timeOf = ({ name }: Query) => median(values[name]);
  const kindOf = (kind: RegExp) => queries.filter(({ name }) => kind.test(name));
  const [empty] = queries, byAddress = kindOf(/^logs --ip/);
  const slowest = (what: string, asked: readonly Query[]): Verdict => ({
    name: `${what}, the slowest of ${asked.length} such questions`,
    row: `${what}, the slowest of ${asked.length} such questions`,
    value: Math.max(...asked.map(timeOf)),
    unit: "ms",
    target: asked[0].target,
    isHeadline: true,
  });
  const ratios = byAddress.map((query) => medianRatio(seriesOf(query), seriesOf(empty)));
  return [
    {
      name: "the slowest `logs --ip` / an empty run",
      row: "the slowest `logs --ip` / a run of pfw that does nothing",
      value: Math.max(...ratios),
      unit: "×",
    },
    slowest("`stats`", kindOf(/^stats/)),
    slowest("`logs --ip`", byAddress),
    ...queries.map((query) => ({
      name: query.name,
      value: timeOf(query),
      unit: "ms",
      target: query.target,
    })),
  ];
}

/** Asks once; returns seconds. */
async function ask(
  argv: readonly string[],
  { directory }: QueryDatabase,
  { name, words, rows }: Query,
): Promise<number> {
  const options = ["--data-dir", directory, "--run-dir", directory, "--config", "/dev/null"];
  const { seconds, out } = await runToEnd([...argv, ...words, ...options]);
  if (rows) {
    const found = JSON.parse(out).length;
    if (found < rows[0] || found > rows[1]) throw new Error(`${name}: ${found} rows`);
  }
  return seconds;
}

function notesOf({ rows, size, seconds }: QueryDatabase, rounds: number): string[] {
  const made = seconds === undefined
    ? ""
    : ` The store wrote it at ${Math.round(rows / seconds).toLocaleString("en-US")} rows/s.`;
  return [
    `${rows.toLocaleString("en-US")} blocked rows over 30 days from 120,000 addresses, one in 12 ` +
    `IPv6: a file of ${(size / 1e9).toFixed(2)} GB, ${(size / rows).toFixed(0)} bytes a row.` +
    made,
    `Whole processes, from start to end, the file in the page cache, no pfw running; medians of ` +
    `${rounds}. \`logs\` prints the newest 50 rows as JSON.`,
  ];
}
