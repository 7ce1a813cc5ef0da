/** `pfw start --read`: judges a capture and prints what was found. */
import { standingThreats } from "../../engine/control/standing_lists.ts";
import { PfwError } from "../../engine/errors.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { buildPolicy } from "../../engine/policy/build_policy.ts";
import { type Config, configSchema } from "../../engine/policy/schema.ts";
import { fileError, readConfigFile } from "../../engine/policy/config_file.ts";
import { DEFAULT_CONFIG } from "../../engine/policy/default_config.ts";
import { replay, type ReplayResult } from "../../engine/replay.ts";
import { ReplayStore } from "../../engine/replay_store.ts";
import { settingsOf } from "../../engine/policy/settings.ts";
import { makeDirectories } from "../../engine/run_files.ts";
import { type CommandContext, usageError } from "../context.ts";
import { formatBytes, formatCount, paint, print, printJson, renderTable } from "../output.ts";
import { canDraw } from "../terminal.ts";

/** The options of `start --read`. */
export interface ReplayCommandOptions {
  readonly file: string;
  readonly filter?: string;
  readonly local?: string[];
  readonly record?: boolean;
}

/** Replays and prints; exit code 1 when the file is broken before its end. */
export async function replayFile(
  context: CommandContext,
  options: ReplayCommandOptions,
): Promise<void> {
  const config = await configOrDefaults(context);
  requireAddresses(options.local ?? []);
  const settings = settingsOf(config);
  const [threats, store] = await Promise.all([
    standingThreats(context.paths, config),
    options.record ? openStore(context) : undefined,
  ]);
  const progress = new Progress();
  let result: ReplayResult;
  try {
    result = await replay({
      file: options.file,
      policy: buildPolicy(config, { threats: threats.list }),
      threats,
      filter: options.filter,
      own: options.local,
      store,
      sample: settings.allowedSample,
      progress: (packets) => progress.show(packets),
    });
  } finally {
    progress.clear();
    await store?.close();
    for (const notice of store?.notices ?? []) console.error(`pfw: ${notice}`);
  }
  if (context.json) printJson(result);
  else print(renderResult(result));
  requireWhole(options.file, result, store);
}

function requireWhole(file: string, result: ReplayResult, store: ReplayStore | undefined): void {
  if (result.error !== undefined) {
    throw new PfwError(
      `cannot read ${file} to its end`,
      result.error,
      `the first ${formatCount(result.packets)} packets were judged`,
    );
  }
  if (!store?.lost) return;
  const { rows, hits, why } = store.lost;
  throw new PfwError(
    `cannot store every row in ${store.path}`,
    why,
    `${formatCount(rows)} rows (${formatCount(hits)} packets) are not in it`,
  );
}

/** A replay touches nothing: without a configuration it judges by the defaults, and makes none. */
async function configOrDefaults({ paths }: CommandContext): Promise<Config> {
  try {
    Deno.statSync(paths.config);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return configSchema.parse(DEFAULT_CONFIG);
    throw fileError(`cannot read ${paths.config}`, error);
  }
  return (await readConfigFile(paths.config)).config;
}

function requireAddresses(texts: readonly string[]): void {
  try {
    PrefixList.parse(texts);
  } catch (error) {
    throw usageError("cannot use --local", (error as Error).message, "give addresses");
  }
}

async function openStore({ paths }: CommandContext): Promise<ReplayStore> {
  makeDirectories(paths);
  return await ReplayStore.open(paths.database);
}

function renderResult(result: ReplayResult): string {
  const { packets, bytes, undecodable, allowed, blocked, seconds, packetsPerSecond } = result;
  const lines = [
    `${formatCount(packets)} packets, ${formatBytes(bytes)}, in ${seconds} s ` +
    `(${formatCount(packetsPerSecond)} packets/s)`,
    "",
    renderTable([{ title: "verdict" }, { title: "packets", align: "right" }], [
      [paint("green", "would allow"), formatCount(allowed)],
      [paint("red", "would block"), formatCount(blocked)],
      ["not judged (not IP)", formatCount(undecodable)],
    ]),
    "",
    renderTable(
      [{ title: "reason" }, { title: "packets", align: "right" }],
      Object.entries(result.byReason).map(([code, count]) => [code, formatCount(count!)]),
    ),
  ];
  if (result.topBlocked.length > 0) {
    lines.push(
      "",
      renderTable(
        [{ title: "would block most" }, { title: "packets", align: "right" }],
        result.topBlocked.map(({ ip, packets }) => [ip, formatCount(packets)]),
      ),
    );
  }
  return lines.join("\n");
}

/** A line on a terminal once a replay takes longer than a second. */
class Progress {
  readonly #started = performance.now();
  readonly #visible = canDraw(Deno.stderr);
  #shown = false;

  show(packets: number): void {
    if (!this.#visible || performance.now() - this.#started < 1000) return;
    this.#shown = true;
    Deno.stderr.writeSync(new TextEncoder().encode(`\r${formatCount(packets)} packets…\x1b[K`));
  }

  clear(): void {
    if (this.#shown) Deno.stderr.writeSync(new TextEncoder().encode("\r\x1b[K"));
  }
}
