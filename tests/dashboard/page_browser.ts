/** Runs the page in Chromium against the fake firewall, and notes everything that it should not do. */
import assert from "node:assert/strict";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import * as esbuild from "esbuild";
import { CHROMIUM_ARGUMENTS } from "../support/chromium.ts";
import { bundlePage } from "../../build/page.ts";
import { findProgram } from "../../engine/packages.ts";
import { FakeApi } from "./fake_api.ts";
import type { FakeOptions } from "./fake_state.ts";

const CHROMIUM = findProgram("chromium");

/** What a test works with. */
export interface OpenPage {
  readonly page: Page;
  readonly fake: FakeApi;
  /** Opens a view, such as `rules` or `explain?address=203.0.113.7`. */
  view(hash: string): Promise<void>;
  /** What the browser complained of: errors, broken policies of content, dialogs of scripts. */
  readonly complaints: string[];
}

/** How a page is opened. */
export interface PageOptions extends FakeOptions {
  readonly browser?: BrowserContextOptions;
  readonly isSignedOut?: boolean;
  /** Complaints that belong to what is tested, such as a connection that is cut. */
  readonly expected?: RegExp;
}

/** Milliseconds; many tests at once make a browser slow. */
const PATIENCE = 30_000;

let shared: Promise<{ browser: Browser; directory: string }> | undefined;

/** One browser and one bundle for all tests of a file. */
function prepare(): Promise<{ browser: Browser; directory: string }> {
  return shared ??= (async () => {
    const directory = await Deno.makeTempDir({ prefix: "pfw-page-" });
    await bundlePage(directory);
    await esbuild.stop();
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGUMENTS });
    return { browser, directory };
  })();
}

/** A test in Chromium; left out where there is none. */
export function pageTest(
  name: string,
  options: PageOptions,
  run: (open: OpenPage) => Promise<void>,
): void {
  Deno.test({
    name: CHROMIUM ? `page: ${name}` : `page: ${name} (left out: needs chromium)`,
    ignore: !CHROMIUM,
    // The browser lives on from test to test.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () => inPage(options, run),
  });
}

async function inPage(
  options: PageOptions,
  run: (open: OpenPage) => Promise<void>,
): Promise<void> {
  const { browser, directory } = await prepare();
  await using fake = new FakeApi(directory, options);
  fake.isSignedIn = !options.isSignedOut;
  const context = await browser.newContext({
    viewport: { width: 1_280, height: 900 },
    ...options.browser,
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints = collectComplaints(page);
  const view = async (hash: string) => {
    await page.goto(`${fake.address}/#/${hash}`);
    if (!options.isSignedOut) await page.getByRole("status").first().waitFor();
  };
  try {
    await run({ page, fake, view, complaints });
  } finally {
    await context.close();
  }
  const unexpected = complaints.filter((text) => !options.expected?.test(text));
  assert.deepEqual(unexpected, [], "the browser complained");
}

function collectComplaints(page: Page): string[] {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  return complaints;
}

/** Ends the browser; a test file calls it once. */
export function closeBrowserAfterAll(): void {
  Deno.test.afterAll(async () => {
    const { browser, directory } = await shared ?? {};
    await browser?.close();
    if (directory) await Deno.remove(directory, { recursive: true });
  });
}

/** Waits until an expression is true in the page, whose policy forbids it to look by itself. */
export async function until(page: Page, expression: string): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!await page.evaluate(expression)) {
    if (Date.now() > end) throw new Error(`never true: ${expression}`);
    await page.waitForTimeout(50);
  }
}

/** The newest request of that kind, with its body. */
export function lastRequest(fake: FakeApi, begin: string): unknown {
  const found = fake.requests.findLast((request) => request.startsWith(begin));
  assert.ok(found, `no request ${begin}…; there were ${fake.requests.slice(-5).join("; ")}`);
  return JSON.parse(found.slice(found.indexOf(" {") + 1));
}
