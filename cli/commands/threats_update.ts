/** `threats update`: fetches feeds now, and shows how that goes. */
import { ThreatList } from "../../intel/threat_list.ts";
import type { FeedState } from "../../intel/feed.ts";
import type { ThreatsAnswer, UpdateRequest } from "../../engine/control/intel_control.ts";
import { errorText, ExitCode, PfwError } from "../../engine/errors.ts";
import type { CommandContext } from "../context.ts";
import { paint, plural, print, printJson } from "../output.ts";
import { askRunning } from "./ask_running.ts";
import { foreignText } from "./foreign_text.ts";
import { feedNamed } from "./threats_feeds_draft.ts";
import { feedManagerOf } from "../../engine/control/standing_feeds.ts";
import { openThreats, type ThreatSource } from "./threats_source.ts";
import { UpdateProgress } from "./threats_progress.ts";

/** Milliseconds between two looks. */
const LOOK_INTERVAL = 150;

/** How an update stands; `running` where a pfw runs and does the work. */
interface Snapshot extends ThreatsAnswer {
  readonly running: boolean;
}

/** Fetches the named feeds, or all enabled ones. */
export async function updateThreats(
  { paths, json }: CommandContext,
  given: readonly string[],
  force: boolean,
): Promise<void> {
  const source = await openThreats(paths);
  const names = chosenFeeds(source, given);
  if (names.length === 0) {
    if (json) {
      return printJson({ running: null, inKernel: false, entries: 0, fault: null, feeds: [] });
    }
    return print("no feed is enabled; see the known ones with: pfw threats feeds --verbose");
  }
  const request: UpdateRequest = given.length === 0 ? { force } : { names, force };
  const begun = await askRunning<ThreatsAnswer>(paths, "POST", "/threats/update", request);
  const snapshots = begun ? followRunning(paths, begun, names) : followOwn(source, request);
  const progress = new UpdateProgress(names, json);
  let last: Snapshot | undefined;
  for await (const snapshot of snapshots) {
    last = snapshot;
    progress.show(snapshot.feeds);
  }
  const asked = last!.feeds.filter(({ name }) => names.includes(name));
  progress.end(asked);
  conclude(last!, asked, json);
}

/** The names as the configuration has them. */
function chosenFeeds({ config }: ThreatSource, given: readonly string[]): readonly string[] {
  const configured = config.threat_feeds;
  if (given.length === 0) {
    return configured.filter(({ enabled }) => enabled).map(({ name }) => name);
  }
  const known = configured.map(({ name }) => name);
  const names = [...new Set(given.map((name) => feedNamed(name, known)))];
  const off = configured.find((feed) => names.includes(feed.name) && !feed.enabled);
  if (off === undefined) return names;
  const next = `switch it on with: pfw threats feeds enable ${JSON.stringify(off.name)}`;
  throw new PfwError(`cannot update ${off.name}`, "it is switched off", next);
}

async function* followRunning(
  paths: CommandContext["paths"],
  begun: ThreatsAnswer,
  names: readonly string[],
): AsyncGenerator<Snapshot> {
  yield { ...begun, running: true };
  for (;;) {
    await pause(LOOK_INTERVAL);
    const answer = await askRunning<ThreatsAnswer>(paths, "GET", "/threats");
    if (!answer) {
      throw new PfwError("the update broke off", "pfw ended meanwhile", "start it again");
    }
    yield { ...answer, running: true };
    if (!isUnderWay(answer, names)) return;
  }
}

/** What other feeds are waited for is no matter of these. */
function isUnderWay({ updating, underWay }: ThreatsAnswer, names: readonly string[]): boolean {
  return underWay ? names.some((name) => underWay.includes(name)) : updating;
}

/** The same in this process, into the copies that pfw takes up at its next start. */
async function* followOwn(
  source: ThreatSource,
  { names, force }: UpdateRequest,
): AsyncGenerator<Snapshot> {
  requireWritable(source.cacheDir);
  const { manager } = source;
  await manager.load();
  const snapshot = (updating: boolean): Snapshot => ({
    feeds: manager.states(),
    entries: updating ? 0 : ThreatList.merge(manager.contents(), source.isProtected).list.size,
    updating,
    fault: null,
    running: false,
  });
  let isOver = false;
  const update = manager.update(names, force).finally(() => isOver = true);
  while (!isOver) {
    yield snapshot(true);
    await Promise.race([update, pause(LOOK_INTERVAL)]);
  }
  await update;
  yield { ...snapshot(false), fault: await notKept(source) };
}

/** What is fetched and not on disk is of no use to the next start; null where all is there. */
async function notKept({ manager, cacheDir, config }: ThreatSource): Promise<string | null> {
  const kept = feedManagerOf(config, cacheDir);
  await kept.load();
  const onDisk = new Map(kept.states().map(({ name, fetchedAt }) => [name, fetchedAt]));
  const lost = manager.states().filter(({ name, fetchedAt }) => onDisk.get(name) !== fetchedAt);
  if (lost.length === 0) return null;
  return `${lost.map(({ name }) => name).join(", ")} cannot be kept in ${cacheDir}`;
}

/** Before anything is fetched that could not be kept. */
function requireWritable(directory: string): void {
  try {
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
    Deno.removeSync(Deno.makeTempFileSync({ dir: directory, prefix: ".write-" }));
  } catch (error) {
    const isDenied = error instanceof Deno.errors.PermissionDenied;
    throw new PfwError(
      `cannot keep feeds in ${directory}`,
      isDenied ? "permission denied" : errorText(error),
      isDenied ? "run it with sudo, or choose another directory with --data-dir" : "",
      isDenied ? ExitCode.missing : ExitCode.failed,
      { cause: error },
    );
  }
}

function conclude(last: Snapshot, asked: readonly FeedState[], json: boolean): void {
  const failed = asked.filter(({ error }) => error !== null);
  const { running, mode, entries, fault } = last;
  const inKernel = running && mode === "enforce" && fault === null;
  if (json) printJson({ running, inKernel, entries, fault, feeds: asked });
  else if (failed.length < asked.length) print(inForceText(last));
  if (failed.length > 0) throw updateError(failed, asked.length);
  if (fault === null) return;
  const what = running ? "the kernel does not have the newest lists" : "nothing to start with";
  throw new PfwError(what, foreignText(fault, 500), running ? "see pfw status" : "");
}

/** Never claims more than the running pfw said. */
function inForceText({ running, mode, entries, fault }: Snapshot): string {
  const count = plural(entries, "entry", "entries");
  if (fault !== null) return paint("yellow", `${count} fetched`);
  if (!running) {
    return paint(
      "yellow",
      `${count} fetched: pfw is not running and uses them from its next start`,
    );
  }
  return mode === "enforce"
    ? paint("green", `${count} in force in the kernel`)
    : paint("yellow", `${count}: pfw only observes, and judges by them now`);
}

const NAMED = 3;

function updateError(failed: readonly FeedState[], asked: number): PfwError {
  const [first, ...rest] = failed;
  if (rest.length === 0) {
    const kept = first.fetchedAt === null ? "there is no older list" : "the old list stays";
    const why = `${foreignText(first.error ?? "")}; ${kept}`;
    return new PfwError(`cannot update ${foreignText(first.name)}`, why, "see pfw threats feeds");
  }
  const why = failed.slice(0, NAMED)
    .map(({ name, error }) => `${foreignText(name)}: ${foreignText(error ?? "")}`).join(", ");
  const more = failed.length > NAMED ? ", …" : "";
  return new PfwError(
    `cannot update ${failed.length} of ${plural(asked, "feed")}`,
    `${why}${more}; their old lists stay`,
    "see pfw threats feeds",
  );
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
