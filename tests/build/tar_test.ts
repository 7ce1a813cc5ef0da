import assert from "node:assert/strict";
import fc from "fast-check";
import { tar } from "../../build/tar.ts";
import { findProgram } from "../../engine/packages.ts";

/** What the system's tar makes of an archive: names and contents. */
async function unpack(archive: Uint8Array<ArrayBuffer>): Promise<Map<string, Uint8Array>> {
  const directory = await Deno.makeTempDir({ prefix: "pfw-tar-" });
  try {
    const child = new Deno.Command("tar", { args: ["-xf", "-", "-C", directory], stdin: "piped" })
      .spawn();
    const writer = child.stdin.getWriter();
    await writer.write(archive);
    await writer.close();
    assert.equal((await child.status).code, 0);
    const names = [...Deno.readDirSync(directory)].map((entry) => entry.name);
    return new Map(names.map((name) => [name, Deno.readFileSync(`${directory}/${name}`)]));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test({
  name: "tar: the system's tar reads back what was written (skipped without tar)",
  ignore: !findProgram("tar"),
  fn: async () => {
    const file = fc.record({
      name: fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,98}$/),
      bytes: fc.uint8Array({ maxLength: 2000 }).map((bytes) => new Uint8Array(bytes)),
    });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(file, { selector: ({ name }) => name }), async (files) => {
        const archive = tar(files.map((one) => ({ ...one, mode: 0o600 })));
        assert.equal(archive.length % 512, 0);
        const found = await unpack(archive);
        assert.equal(found.size, files.length);
        for (const { name, bytes } of files) assert.deepEqual(found.get(name), bytes);
      }),
      { numRuns: 25 },
    );
  },
});

Deno.test("tar: modes are kept, and names that do not fit are refused", () => {
  const [header] = [
    new TextDecoder().decode(tar([{ name: "a", mode: 0o700, bytes: new Uint8Array(0) }])),
  ];
  assert.equal(header.slice(100, 107), "0000700");
  assert.equal(header.slice(257, 265), "ustar\x0000");
  const name = "n".repeat(101);
  assert.throws(() => tar([{ name, mode: 0o600, bytes: new Uint8Array(0) }]), RangeError);
});
