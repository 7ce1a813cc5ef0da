/** Whether a pfw runs: the lock of its run directory says so, the socket only whether it answers. */
import { equal, match, ok, rejects } from "node:assert/strict";
import { connectRunning } from "../../engine/control/connect.ts";
import { PfwError } from "../../engine/errors.ts";
import { libc } from "../../ffi/libc.ts";
import { lockRunDirectory } from "../../engine/run_files.ts";
import { isRunDirectoryHeld } from "../../engine/run_lock.ts";
import { Sandbox } from "../support/sandbox.ts";

// It stays open for the life of the process.
libc();

/** A pfw that runs, as far as its lock tells. */
async function held(box: Sandbox): Promise<Disposable> {
  Deno.mkdirSync(box.paths.runDir, { recursive: true });
  return await lockRunDirectory(box.paths);
}

Deno.test("connect: nobody is waited for where no pfw runs", async () => {
  await using box = new Sandbox();
  equal(await connectRunning(box.paths, 0), undefined);
  (await held(box))[Symbol.dispose]();
  equal(await connectRunning(box.paths, 0), undefined);
  // What a crash leaves.
  Deno.listen({ transport: "unix", path: box.paths.socket }).close();
  equal(await connectRunning(box.paths, 0), undefined);
});

Deno.test("connect: a pfw that starts is waited for, and one that ends", async () => {
  await using box = new Sandbox();
  const lock = await held(box);
  const early = connectRunning(box.paths);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const listener = Deno.listen({ transport: "unix", path: box.paths.socket });
  const accepted = await listener.accept();
  (await early)?.close();
  accepted.close();
  listener.close();
  const late = connectRunning(box.paths);
  await new Promise((resolve) => setTimeout(resolve, 100));
  lock[Symbol.dispose]();
  equal(await late, undefined);
});

Deno.test("connect: one that does not answer is named, with what to do", async () => {
  await using box = new Sandbox();
  using _lock = await held(box);
  await rejects(connectRunning(box.paths, 50), (error) => {
    ok(error instanceof PfwError);
    equal(error.exitCode, 1);
    match(error.message, /^cannot reach the running pfw: process \d+ runs, and nobody answers on /);
    match(error.message, new RegExp(`see its log, or end it with: kill ${Deno.pid}$`));
    return true;
  });
});

Deno.test("connect: whoever asks for the lock takes it from nobody", async () => {
  await using box = new Sandbox();
  (await held(box))[Symbol.dispose]();
  let isOver = false;
  const asking = (async () => {
    for (; !isOver; await new Promise((resolve) => setTimeout(resolve))) {
      isRunDirectoryHeld(box.paths);
    }
  })();
  // Held by a question at the very moment of the start.
  using question = Deno.openSync(box.paths.lock, { read: true });
  question.lockSync(false);
  equal(isRunDirectoryHeld(box.paths), false, "two questions at once are not a running pfw");
  setTimeout(() => question.unlockSync(), 60);
  using _lock = await lockRunDirectory(box.paths);
  equal(isRunDirectoryHeld(box.paths), true);
  isOver = true;
  await asking;
});
