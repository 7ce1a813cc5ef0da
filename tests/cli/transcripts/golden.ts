/** The files that transcripts are compared with: a section for each scene. */
import { join } from "node:path";
import { inTurns, isPlayable, play, shown } from "./play.ts";
import type { Scene, Transcript } from "./scene.ts";

/** Where the files are. */
export const GOLDEN: string = join(import.meta.dirname!, "../golden");

/** The file of a command. */
export function goldenFile(command: string): string {
  return join(GOLDEN, `${command.replaceAll(" ", "-")}.txt`);
}

/** The line that a scene's section begins with. */
function headOf({ kind, title }: Scene): string {
  return `# ${kind}: ${title}`;
}

/** Plays all scenes; by their heads what was shown. */
export async function playAll({ scenes }: Transcript): Promise<Map<string, string>> {
  const texts = new Map(scenes.filter(isPlayable).map((scene) => [scene, ""]));
  await inTurns([...texts.keys()], async (scene) => {
    await play(scene, [], (played, box) => {
      texts.set(scene, texts.get(scene) + shown(played, box));
    });
  });
  return new Map([...texts].map(([scene, text]) => [headOf(scene), text]));
}

/** The text of a file. */
export function goldenText(sections: ReadonlyMap<string, string>): string {
  return `${[...sections].map(([head, text]) => `${head}\n\n${text}`).join("\n").trimEnd()}\n`;
}

/** The sections of a file that stand for these scenes; scenes that cannot be played are left out. */
export function expectedText(file: string, { scenes }: Transcript): string {
  const text = Deno.readTextFileSync(file);
  const left = new Set(scenes.filter((scene) => !isPlayable(scene)).map(headOf));
  const sections = text.split(
    /^(?=# (?:normal|no root|wrong usage|empty|not running|running|unknown): )/m,
  );
  return `${
    sections.filter((section) => !left.has(section.split("\n", 1)[0])).join("").trimEnd()
  }\n`;
}
