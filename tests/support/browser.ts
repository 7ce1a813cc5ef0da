/** Chromium in a namespace of a test, at the dashboard of the pfw that runs there. */
import { deepEqual } from "node:assert/strict";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import { CHROMIUM_ARGUMENTS } from "./chromium.ts";
import { findProgram } from "../../engine/packages.ts";
import type { NetworkNamespace } from "./netns.ts";
import type { RunningPfw } from "./running_pfw.ts";

/** Longest time that anything expected may take, in milliseconds; far more than it does take. */
const PATIENCE = 30_000;

/** Somebody with a browser; `await using` ends it. */
export class Visitor implements AsyncDisposable {
  /** What the browser complained of: errors, a broken policy of content, dialogs of scripts. */
  readonly complaints: string[] = [];
  /** Where it asked, without paths. */
  readonly origins = new Set<string>();

  private constructor(
    private readonly browser: Browser,
    private readonly directory: string,
    readonly page: Page,
  ) {
    page.on("console", (message) => {
      if (/error|warning/.test(message.type())) this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(`error: ${error.message}`));
    page.on("request", (request) => this.origins.add(new URL(request.url()).origin));
    page.on("dialog", (dialog) => {
      this.complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  /** Starts Chromium inside, with an empty page. */
  static async in(
    namespace: NetworkNamespace,
    options: BrowserContextOptions = {},
  ): Promise<Visitor> {
    const directory = await Deno.makeTempDir({ prefix: "pfw-browser-" });
    const executablePath = join(directory, "chromium");
    // Playwright speaks to it through pipes, which reach into a namespace.
    const script = `#!/bin/sh\nexec ip netns exec ${namespace.name} ${
      findProgram("chromium")
    } "$@"\n`;
    await Deno.writeTextFile(executablePath, script, { mode: 0o700 });
    const browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGUMENTS });
    const context = await browser.newContext({
      viewport: { width: 1_440, height: 900 },
      ...options,
    });
    context.setDefaultTimeout(PATIENCE);
    return new Visitor(browser, directory, await context.newPage());
  }

  /** Opens the address that pfw printed, which signs in. */
  async signIn(pfw: RunningPfw): Promise<void> {
    await pfw.waitFor(/dashboard at \S+\n/);
    const [, address] = /dashboard at (\S+)\n/.exec(pfw.out + pfw.err)!;
    await this.page.goto(address);
    await this.state("Enforcing");
  }

  /** Follows the link to a view. */
  async follow(view: string): Promise<void> {
    const views = this.page.getByRole("navigation", { name: "Views" });
    await views.getByRole("link", { name: new RegExp(`^${view}`) }).click();
    await this.page.getByRole("main", { name: view }).waitFor();
  }

  /** Waits until the head of the page says what pfw does. */
  async state(word: string): Promise<void> {
    await this.page.getByRole("status").filter({ hasText: word }).first().waitFor();
  }

  /** Presses a button of the view. */
  async press(name: string | RegExp): Promise<void> {
    await this.page.getByRole("main").getByRole("button", { name, exact: true }).click();
  }

  /** Presses a switch, and waits until it says what it is now. */
  async turn(name: string | RegExp, checked: boolean): Promise<void> {
    await this.page.getByRole("switch", { name }).click();
    await this.page.getByRole("switch", { name, checked }).waitFor();
  }

  /** The dialog that is open. */
  get dialog(): Locator {
    return this.page.getByRole("dialog");
  }

  /** Waits until text can be read somewhere. */
  async read(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor();
  }

  /** Waits until text can be read nowhere. */
  async missing(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor({ state: "detached" });
  }

  /** Holds that the browser had nothing to complain of, and asked nobody but pfw. */
  isContent(expected?: RegExp): void {
    deepEqual(this.complaints.filter((text) => !expected?.test(text)), []);
    deepEqual([...this.origins], [new URL(this.page.url()).origin]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** Steps of a test of which each begins where the one before ended: the first that fails is the last. */
export async function inTurn(
  test: Deno.TestContext,
  steps: Readonly<Record<string, () => Promise<void>>>,
): Promise<void> {
  for (const [name, step] of Object.entries(steps)) {
    if (!await test.step(name, step)) return;
  }
}
