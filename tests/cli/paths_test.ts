/** Where a command line says that pfw's files are. */
import { deepEqual } from "node:assert/strict";
import { Sandbox } from "../support/sandbox.ts";

Deno.test("pfw: an empty path is wrong usage, wherever the option stands", async () => {
  await using box = new Sandbox();
  for (const option of ["--config", "--data-dir", "--log-dir", "--run-dir"]) {
    for (const words of [[option, "", "rules", "list"], ["rules", "list", `${option}=`]]) {
      const { code, out, err } = await box.pfw(...words);
      const said = `pfw: wrong usage: ${option} is empty; name a path, or leave it out\n`;
      deepEqual([code, out, err], [2, "", said]);
    }
  }
  for (const command of ["install", "uninstall"]) {
    const { code, out, err } = await box.pfw(command, "--dry-run", "--root", "");
    deepEqual([code, out, err], [2, "", "pfw: wrong usage: --root is empty; name a path\n"]);
  }
});
