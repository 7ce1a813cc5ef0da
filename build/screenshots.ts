/**
 * Makes the pictures of the dashboard in `docs` from a pfw at work: as root,
 * `deno task screenshots [--seconds N] [--checks DIRECTORY]`. With `--checks` every view is drawn
 * besides, on a telephone and on a wide screen.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Visitor } from "../tests/support/browser.ts";
import { createPair } from "../tests/support/netns.ts";
import { makePage } from "../tests/support/page.ts";
import { ROOT } from "../tests/support/pfw.ts";
import { scan } from "../tests/support/port_scan.ts";
import { startPfw } from "../tests/support/running_pfw.ts";
import { Sandbox } from "../tests/support/sandbox.ts";
import { live, SCANS, settle, townConfig, townFeed } from "./screenshot_traffic.ts";

const SCHEMES = ["light", "dark"] as const;
const VIEWS = ["Overview", "Log", "Rules", "Lists", "Bans", "Feeds", "Explain", "Health"] as const;
const SIZE = { width: 1_440, height: 900 };
const OTHER_SIZES = [{ width: 360, height: 780 }, { width: 2_560, height: 1_440 }];

/** Milliseconds until a page that was just opened shows figures of more than a moment. */
const SETTLING = 6_000;

const { values } = parseArgs({
  args: Deno.args,
  options: { seconds: { type: "string", default: "290" }, checks: { type: "string" } },
});

await makePage();
await using link = await createPair();
await settle(link);
await using sandbox = new Sandbox();
const feed = sandbox.path("feed.txt");
await Deno.writeTextFile(feed, townFeed());
sandbox.writeConfig(townConfig(feed));
await using pfw = await startPfw(link.local, sandbox, ["eth0", "--dashboard"]);
await using traffic = new AsyncDisposableStack();
for (const process of await live(link)) traffic.use(process);
for (const [from, to] of SCANS) {
  await pause(Number(values.seconds) * 1_000 / (SCANS.length + 1));
  await scan(link.remote, from, to);
}
await pause(Number(values.seconds) * 1_000 / (SCANS.length + 1));
for (const scheme of SCHEMES) await draw(scheme);

async function draw(colorScheme: typeof SCHEMES[number]): Promise<void> {
  await using visitor = await Visitor.in(link.local, { viewport: SIZE, colorScheme });
  const { page } = visitor;
  await visitor.signIn(pfw);
  await pause(SETTLING);
  await page.screenshot({ path: join(ROOT, `docs/dashboard-${colorScheme}.png`) });
  if (!values.checks) return;
  await Deno.mkdir(values.checks, { recursive: true });
  for (const size of [SIZE, ...OTHER_SIZES]) {
    await page.setViewportSize(size);
    for (const view of VIEWS) {
      await visitor.follow(view);
      if (view === "Explain") {
        await page.goto(page.url() + "?address=203.0.113.7&port=443&protocol=tcp");
      }
      await pause(800);
      const name = `${colorScheme}-${size.width}-${view.toLowerCase()}.png`;
      await page.screenshot({ path: join(values.checks, name) });
    }
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
