import assert from "node:assert/strict";
import { releasePages, unchangedRanges } from "../../ffi/pages.ts";

/** One mapping as proc(5) has it. */
function mapping(head: string, anonymous: number, swap = 0): string {
  return `${head}
Size:               2048 kB
Rss:                1024 kB
Private_Dirty:         0 kB
Anonymous:          ${anonymous} kB
LazyFree:              0 kB
AnonHugePages:         0 kB
Swap:               ${swap} kB
SwapPss:               ${swap} kB
VmFlags: rd ex mr mw me
`;
}

const FILE = "/opt/a b/pfw";
const READ_ONLY = `00400000-00600000 r--p 00000000 fe:00 77                          ${FILE}`;
const CODE = `00600000-00a00000 r-xp 00200000 fe:00 77                          ${FILE}`;

Deno.test("pages: what is the file byte for byte may be given up, and nothing else", () => {
  const smaps = [
    mapping(READ_ONLY, 0),
    mapping(CODE, 0),
    // Relocated when the program was loaded, or written to by a debugger.
    mapping(`00a00000-00b00000 r--p 00600000 fe:00 77                          ${FILE}`, 4),
    // Changed, and swapped out since.
    mapping(`00b00000-00c00000 r--p 00600000 fe:00 77                          ${FILE}`, 0, 4),
    mapping(`00c00000-00d00000 rw-p 00700000 fe:00 77                          ${FILE}`, 0),
    mapping(`00d00000-00e00000 r--s 00700000 fe:00 77                          ${FILE}`, 0),
    mapping(`7f0000000000-7f0000100000 r-xp 00000000 fe:00 78                  ${FILE}2`, 0),
    mapping("7f0000200000-7f0000300000 r--p 00000000 00:00 0 ", 0),
    mapping("7fff00000000-7fff00001000 r-xp 00000000 00:00 0                   [vdso]", 0),
  ].join("");
  assert.deepEqual(unchangedRanges(smaps, FILE), [
    { address: 0x400000n, length: 0x200000n },
    { address: 0x600000n, length: 0x400000n },
  ]);
  assert.deepEqual(unchangedRanges("", FILE), []);
});

Deno.test("pages: where the kernel does not tell of copies, nothing is given up", () => {
  const silent = mapping(CODE, 0).replace(/^Anonymous:.*\n/m, "");
  assert.deepEqual(unchangedRanges(silent, FILE), []);
  assert.deepEqual(unchangedRanges(mapping(CODE, 0).replace(/^Swap:.*\n/m, ""), FILE), []);
});

// A library is opened once and stays.
const options = { sanitizeResources: false };

Deno.test("pages: a program goes on after it gave up its own, and holds less", options, () => {
  const program = Deno.readLinkSync("/proc/self/exe");
  const smaps = Deno.readTextFileSync("/proc/self/smaps");
  const ranges = unchangedRanges(smaps, program);
  assert.ok(ranges.length > 0, "this program's code is not among its mappings");
  const before = residentOfFiles();
  for (const range of ranges) releasePages(range);
  assert.ok(residentOfFiles() < before, "no page was given up");
  assert.equal(new Function("return [3, 1, 2].sort().join()")(), "1,2,3");
});

function residentOfFiles(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/^RssFile:\s+(\d+) kB$/m.exec(status)![1]);
}
