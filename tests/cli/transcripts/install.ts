/** Scenes of `pfw` itself, install, uninstall, completion and man. Installed is only below a directory. */
import type { Sandbox } from "../../support/sandbox.ts";
import { configured } from "./found.ts";
import { scene, type Transcript } from "./scene.ts";

/** With something to install, as a self-extracting pfw names itself. */
function built(box: Sandbox): void {
  const file = box.path("pfw");
  Deno.writeTextFileSync(file, "#!/bin/sh\n", { mode: 0o755 });
  box.env.PFW_EXECUTABLE = file;
}

/** All of them. */
export const INSTALL: readonly Transcript[] = [{
  command: "install",
  scenes: [
    scene("normal", "for a package, and once more", [
      "install --root package --dry-run",
      "install --root package",
      "install --root package",
    ], built),
    scene("no root", "it takes root", ["install"], built),
    scene("wrong usage", "other places, a word too many", [
      "install --config x.json --root package",
      "install --enable",
      "install all",
    ], built),
  ],
}, {
  command: "uninstall",
  scenes: [
    scene("normal", "a package, and once more", [
      "install --root package",
      "uninstall --root package --purge --dry-run",
      "uninstall --root package",
      "uninstall --root package --purge",
    ], built),
    scene("no root", "it takes root", ["uninstall"], built),
    scene("wrong usage", "other places, a word too many", [
      "uninstall --data-dir x --root package",
      "uninstall all",
    ], built),
  ],
}, {
  command: "pfw",
  scenes: [
    scene("normal", "its version and its help", ["--version", "--help"]),
    scene("no root", "its version", ["--version"]),
    scene("wrong usage", "no word, and words that there are not", [
      "",
      "rulez",
      "--jsn",
      "list rules",
    ]),
  ],
}, {
  command: "completion",
  scenes: [
    scene("normal", "the script of a shell", ["completion fish"], configured),
    scene("no root", "the same", ["completion --help"]),
    scene("wrong usage", "shells that there are not", ["completion", "completion csh"]),
  ],
}, {
  command: "man",
  scenes: [
    // What the page says is tested by itself: here it would repeat every word of every command.
    scene("normal", "its help", ["man --help"]),
    scene("no root", "its help", ["man --help"]),
    scene("wrong usage", "a word too many", ["man rules"]),
  ],
}];
