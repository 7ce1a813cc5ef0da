/** The dashboard's page in a real Chromium inside a namespace, and what it costs. */
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { CHROMIUM_ARGUMENTS } from "../tests/support/chromium.ts";
import type { NetworkNamespace } from "../tests/support/netns.ts";
import { sleep } from "./process.ts";

/** What one second of the page was like. */
export interface PageSecond {
  readonly frames: number;
  /** Bytes that only the page's own process holds. */
  readonly memory: number;
}

/** An open page. */
export class PageUnderTest implements AsyncDisposable {
  private constructor(
    private readonly browser: Browser,
    private readonly page: Page,
    private readonly directory: string,
  ) {}

  /** @param url with the token, as pfw prints it */
  static async open(namespace: NetworkNamespace, url: string): Promise<PageUnderTest> {
    const directory = Deno.makeTempDirSync({ prefix: "pfw-page-" });
    const wrapper = join(directory, "chromium");
    const text = `#!/bin/sh\nexec ip netns exec ${namespace.name} chromium "$@"\n`;
    Deno.writeTextFileSync(wrapper, text, { mode: 0o755 });
    const browser = await chromium.launch({ executablePath: wrapper, args: CHROMIUM_ARGUMENTS });
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(url);
    await page.getByText("Enforcing").first().waitFor();
    // Counts the frames that the browser makes for this page.
    await page.evaluate(`(() => {
      window.frames_made = 0;
      const count = () => { window.frames_made++; requestAnimationFrame(count); };
      requestAnimationFrame(count);
    })()`);
    return new PageUnderTest(browser, page, directory);
  }

  /** Looks at the page for that many seconds. */
  async watch(seconds: number): Promise<PageSecond[]> {
    const pid = await this.#rendererPid();
    const seen: PageSecond[] = [];
    let frames = await this.#frames(), time = performance.now();
    for (let second = 0; second < seconds; second++) {
      await sleep(1000);
      const next = await this.#frames(), now = performance.now();
      seen.push({ frames: (next - frames) * 1000 / (now - time), memory: privateMemory(pid) });
      [frames, time] = [next, now];
    }
    return seen;
  }

  async #frames(): Promise<number> {
    return await this.page.evaluate("window.frames_made") as number;
  }

  /** The process that runs the page. */
  async #rendererPid(): Promise<number> {
    const session = await this.browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    const renderers = processInfo.filter(({ type }) => type === "renderer");
    // A spare one may wait for the next page: the busiest is this page's.
    return renderers.toSorted((a, b) => b.cpuTime - a.cpuTime)[0].id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    Deno.removeSync(this.directory, { recursive: true });
  }
}

/** What would be free if the process ended (proc(5), `smaps_rollup`). */
function privateMemory(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]);
  return 1024 * (of("Private_Clean") + of("Private_Dirty"));
}
