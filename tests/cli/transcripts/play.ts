/** Plays scenes with the real pfw, and writes down what a terminal would show. */
import { type Run, Sandbox } from "../../support/sandbox.ts";
import { marked } from "./marks.ts";
import { type Scene, type Step, wordsOf } from "./scene.ts";

/**
 * Runs what follows as user 65534 without any right of root. In a namespace of users, so that the
 * sources and the runtime may lie where only root gets to.
 */
export const AS_NOBODY = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"];

/** Why scenes without root cannot be played; empty where they can. Whoever is not root just can. */
export const nobodyProblem: string = Deno.uid() === 0 ? tryNobody() : "";

function tryNobody(): string {
  const [program, ...args] = AS_NOBODY;
  try {
    const { success } = new Deno.Command(program, {
      args: [...args, "true"],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success ? "" : "unshare --user is not allowed";
  } catch {
    return "needs unshare";
  }
}

/** Also what is to be refused: were it not, root would start, clean up or install something. */
function isWithoutRoot({ kind }: Scene): boolean {
  return kind === "no root" || kind === "wrong usage";
}

/** Whether a scene can be played here. */
export function isPlayable(scene: Scene): boolean {
  return !isWithoutRoot(scene) || nobodyProblem === "";
}

/** A step that was played. */
export interface Played extends Run {
  readonly step: Step;
}

/** Plays a scene from its beginning; `more` are words added to every command line. */
export async function play(
  scene: Scene,
  more: readonly string[],
  look: (played: Played, box: Sandbox) => void,
): Promise<void> {
  await using box = new Sandbox();
  Object.assign(box.env, ENVIRONMENT, { HOME: box.path("home"), TMPDIR: box.directory });
  await scene.prepare?.(box);
  try {
    for (const step of scene.steps) {
      step.before?.(box);
      look({ step, ...await runStep(box, scene, step, more) }, box);
    }
  } finally {
    unlock(box);
  }
}

/** At the same time; most of a short command is waiting for its start. */
const AT_ONCE = 3;

/** Does something with each scene, a few at the same time. */
export async function inTurns(
  scenes: readonly Scene[],
  act: (scene: Scene) => Promise<void>,
): Promise<void> {
  const left = scenes.values();
  const turns = async () => {
    for (const scene of left) await act(scene);
  };
  // All of them end before one's failure is told: what still ran would trouble the next test.
  const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, turns));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/** Nothing of whoever runs the tests. */
const ENVIRONMENT = {
  TZ: "UTC",
  USER: "alice",
  LOGNAME: "alice",
  SUDO_USER: "",
  DESTDIR: "",
  COLUMNS: "",
  XDG_CONFIG_HOME: "",
  XDG_DATA_HOME: "",
  XDG_STATE_HOME: "",
  XDG_RUNTIME_DIR: "",
} as const;

async function runStep(
  box: Sandbox,
  scene: Scene,
  { line, input = "" }: Step,
  more: readonly string[],
): Promise<Run> {
  const through = isWithoutRoot(scene) && Deno.uid() === 0 ? AS_NOBODY : [];
  return await box.pfwThrough(through, input, [...wordsOf(line), ...more]);
}

/** Lets a directory that a scene has locked be removed again. */
function unlock(box: Sandbox): void {
  for (const name of ["data", "run", "etc"]) {
    try {
      Deno.chmodSync(box.path(name), 0o700);
    } catch {
      // The scene has none.
    }
  }
}

/** What a terminal would show of a step; lines of standard error begin with `2> `. */
export function shown({ step, code, out, err }: Played, box: Sandbox): string {
  const input = step.input === undefined ? "" : `printf ${JSON.stringify(step.input)} | `;
  const text = marked(out, box).replace(/[^\n]$/, "$&\n[no end of line]\n");
  const errors = marked(err, box).replace(/^(?=.)/gm, "2> ");
  const line = `$ ${input}pfw ${step.line}`.trimEnd();
  return `${line}\n${text}${errors}${code === 0 ? "" : `[exit ${code}]\n`}\n`;
}
