/** Keys: taken from where the configuration says, and named nowhere. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { FeedError } from "../../intel/feed.ts";
import { readSecretHeaders } from "../../intel/secret_headers.ts";
import { feed, withScene } from "./feed_manager_scene.ts";

async function withFile(content: string | Uint8Array, work: (path: string) => Promise<void>) {
  const path = await Deno.makeTempFile({ prefix: "pfw-key-" });
  try {
    await Deno.writeFile(
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    await work(path);
  } finally {
    await Deno.remove(path);
  }
}

async function problemOf(place: string, value?: string): Promise<string> {
  const error = await readSecretHeaders({ Key: place }, () => value).catch((error) => error);
  assert.ok(error instanceof FeedError, String(error));
  return error.message;
}

Deno.test("secret headers: from the environment and from a file, without blanks around", async () => {
  await withFile("  from file \n", async (path) => {
    const headers = await readSecretHeaders(
      { "X-One": "env:ONE", "X-Two": `file:${path}` },
      (name) => `value of ${name}`,
    );
    assert.equal(headers.get("x-one"), "value of ONE");
    assert.equal(headers.get("x-two"), "from file");
  });
});

Deno.test("secret headers: missing, empty, too long, no file", async () => {
  assert.equal(await problemOf("env:KEY"), "env:KEY is not set");
  assert.equal(await problemOf("env:KEY", " \n"), "env:KEY is empty");
  assert.equal(await problemOf("file:/dev/zero"), "file:/dev/zero is not a regular file");
  assert.match(await problemOf("file:/nowhere/key"), /^cannot read .*: there is no such file$/);
  await withFile("", async (path) => {
    assert.equal(await problemOf(`file:${path}`), `file:${path} is empty`);
  });
  await withFile("x".repeat(8193), async (path) => {
    assert.equal(await problemOf(`file:${path}`), `file:${path} is larger than 8192 bytes`);
  });
  await withFile("x".repeat(8192), async (path) => {
    const headers = await readSecretHeaders({ Key: `file:${path}` });
    assert.equal(headers.get("key")?.length, 8192);
  });
});

Deno.test("secret headers: a value that is not one line of ASCII is refused, unnamed", async () => {
  for (const value of ["sesame\nX-Evil: 1", "sesame\r", "a\0b", "schlüssel"]) {
    const problem = await problemOf("env:KEY", `x${value}x`);
    assert.equal(problem, "env:KEY for the header Key is not one line of plain ASCII");
  }
});

Deno.test("secret headers: whatever a value holds, no error repeats it", async () => {
  await fc.assert(fc.asyncProperty(fc.string({ minLength: 6, unit: "binary" }), async (value) => {
    try {
      const headers = await readSecretHeaders({ Key: "env:PLACE" }, () => value);
      assert.equal(headers.get("key"), value.trim());
    } catch (error) {
      assert.ok(error instanceof FeedError, String(error));
      assert.ok(!error.message.includes(value));
    }
  }));
});

Deno.test("a key in the address of a feed is in no state of it", async () => {
  await withScene((scene) => {
    scene.manager.configure([
      feed("a", { url: "https://me:secret@feeds.example.org/list.txt?key=secret#secret" }),
    ]);
    assert.equal(scene.state("a").url, "https://feeds.example.org/list.txt");
    assert.ok(!JSON.stringify(scene.manager.states()).includes("secret"));
    return Promise.resolve();
  });
});
