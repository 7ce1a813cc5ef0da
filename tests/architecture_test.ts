/** Holds the layout that docs/architecture.md describes: who may import whom, no cycles, sizes. */
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path";
import { ROOT } from "./support/pfw.ts";

/** A layer: which files are in it, and the layers that it may import from besides itself. */
interface Layer {
  readonly name: string;
  readonly files: RegExp;
  readonly imports: readonly string[];
}

/** The first layer whose pattern matches a file is its layer. */
const LAYERS: readonly Layer[] = [
  { name: "ffi", files: /^ffi\//, imports: [] },
  { name: "base", files: /^engine\/(errors|paths|packages|atomic_file)\.ts$/, imports: [] },
  { name: "net", files: /^engine\/net\//, imports: ["base", "ffi"] },
  { name: "intel", files: /^intel\//, imports: ["base", "net"] },
  { name: "lock", files: /^engine\/run_lock\.ts$/, imports: ["base", "ffi"] },
  {
    name: "client",
    files: /^engine\/control\/(client|connect|http_message)\.ts$/,
    imports: ["base", "lock"],
  },
  { name: "packet", files: /^engine\/packet\//, imports: ["base", "net"] },
  {
    name: "policy",
    files: /^engine\/policy\//,
    imports: ["base", "lock", "net", "intel", "packet", "client"],
  },
  { name: "detect", files: /^engine\/detect\//, imports: ["base", "net", "packet", "policy"] },
  { name: "kernel", files: /^engine\/kernel\//, imports: ["base", "net", "policy", "ffi"] },
  {
    name: "observe",
    files: /^engine\/observe\//,
    imports: ["base", "net", "packet", "policy", "ffi"],
  },
  {
    name: "bans",
    files: /^engine\/bans\//,
    imports: ["base", "net", "packet", "policy", "detect", "observe"],
  },
  {
    name: "daemon",
    files: /^engine\/(control\/|(daemon|doctor|replay)\w*\.ts$)/,
    imports: [
      "base",
      "net",
      "intel",
      "client",
      "lock",
      "packet",
      "policy",
      "detect",
      "kernel",
      "observe",
      "bans",
      "pipeline",
      "ffi",
    ],
  },
  {
    name: "pipeline",
    files: /^engine\/\w+\.ts$/,
    imports: [
      "base",
      "lock",
      "net",
      "intel",
      "packet",
      "policy",
      "detect",
      "kernel",
      "observe",
      "ffi",
    ],
  },
];

/** What may import everything below it, in order: each only what stands before it. */
const TOP: readonly Layer[] = [
  { name: "dashboard", files: /^dashboard\//, imports: [] },
  { name: "cli", files: /^cli\//, imports: [] },
  { name: "main", files: /^(main|mod)\.ts$/, imports: [] },
];

/** An import as it stands in a file: the imported file's path, from the repository's folder. */
interface Import {
  readonly from: string;
  readonly to: string;
}

const SOURCES = ["ffi", "engine", "intel", "cli", "dashboard", "main.ts", "mod.ts"];

function layerOf(file: string): string | undefined {
  return [...LAYERS, ...TOP].find((layer) => layer.files.test(file))?.name;
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return from !== "none";
  const layer = LAYERS.find((one) => one.name === from);
  if (layer) return layer.imports.includes(to);
  const order = [...LAYERS, ...TOP].map(({ name }) => name);
  return order.includes(to) && order.indexOf(to) < order.indexOf(from);
}

function* filesUnder(path: string): Generator<string> {
  const stat = statOf(join(ROOT, path));
  if (stat?.isFile) yield path;
  if (!stat?.isDirectory) return;
  for (const entry of Deno.readDirSync(join(ROOT, path))) {
    yield* filesUnder(`${path}/${entry.name}`);
  }
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}

function typeScriptIn(...paths: string[]): string[] {
  return paths.flatMap((path) => [...filesUnder(path)])
    .filter((path) => /\.tsx?$/.test(path) && !path.startsWith("bench/work/"));
}

/** Imports of own files: static, re-exported, dynamic and of types. */
function importsIn(file: string, text: string): Import[] {
  const code = text.replace(/^\s*(\*|\/\/|\/\*).*$/gm, "");
  return [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["'](\.[^"']+)["']/g)].map((
    [, target],
  ) => ({
    from: file,
    to: normalize(join(dirname(file), target)),
  }));
}

function allImports(): Import[] {
  return typeScriptIn(...SOURCES).flatMap((file) =>
    importsIn(file, Deno.readTextFileSync(join(ROOT, file)))
  );
}

Deno.test("architecture: every file belongs to a layer", () => {
  assert.deepEqual(typeScriptIn(...SOURCES).filter((file) => !layerOf(file)), []);
});

Deno.test("architecture: imports run one way", () => {
  const wrong = allImports()
    .filter(({ from, to }) => !mayImport(layerOf(from) ?? "none", layerOf(to) ?? "none"))
    .map(({ from, to }) => `${from} (${layerOf(from)}) imports ${to} (${layerOf(to)})`);
  assert.deepEqual(wrong, []);
});

Deno.test("architecture: the check itself finds an import that runs the wrong way", () => {
  const text =
    'import { a } from "../policy/policy.ts";\nconst b = await import("../../cli/x.ts");\n' +
    '// from "../comment.ts"\nexport * from "./address.ts";\n';
  const found = importsIn("engine/net/x.ts", text);
  assert.deepEqual(found.map(({ to }) => to), [
    "engine/policy/policy.ts",
    "cli/x.ts",
    "engine/net/address.ts",
  ]);
  const allowed = found.map(({ from, to }) => mayImport(layerOf(from)!, layerOf(to)!));
  assert.deepEqual(allowed, [false, false, true]);
});

Deno.test("architecture: no file imports itself through others", () => {
  assert.equal(findCycle(allImports()), undefined);
  const ring = [["a", "b"], ["b", "c"], ["c", "a"], ["x", "a"]].map(([from, to]) => ({ from, to }));
  assert.equal(findCycle(ring), "a → b → c → a");
});

/** The first cycle as text. */
function findCycle(imports: readonly Import[]): string | undefined {
  const targets = Map.groupBy(imports, ({ from }) => from);
  const done = new Set<string>();
  const walk = (file: string, way: string[]): string | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file].join(" → ");
    if (done.has(file)) return undefined;
    for (const { to } of targets.get(file) ?? []) {
      const cycle = walk(to, [...way, file]);
      if (cycle) return cycle;
    }
    done.add(file);
  };
  for (const file of targets.keys()) {
    const cycle = walk(file, []);
    if (cycle) return cycle;
  }
}

Deno.test("architecture: no drawer for odds and ends", () => {
  const drawers = typeScriptIn(...SOURCES, "build", "bench", "tests").filter((file) =>
    /(^|\/|_)(utils?|helpers?|misc)(_test)?(\.|\/)/.test(file)
  );
  assert.deepEqual(drawers, []);
});

Deno.test("architecture: no file grows past 350 lines", () => {
  const shell = ["build.sh", ".ci/run", "build/self_extracting.sh"];
  const long = [...typeScriptIn(...SOURCES, "build", "bench", "tests"), ...shell]
    .map((file) => ({
      file,
      lines: Deno.readTextFileSync(join(ROOT, file)).split("\n").length - 1,
    }))
    .filter(({ lines }) => lines > 350)
    .map(({ file, lines }) => `${file}: ${lines}`);
  assert.deepEqual(long, []);
});
