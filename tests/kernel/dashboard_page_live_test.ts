/** What the dashboard's page shows by itself of a running pfw, and of one that is gone. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { inTurn, Visitor } from "../support/browser.ts";
import { createPair, kernelTest, type Link } from "../support/netns.ts";
import { makePage } from "../support/page.ts";
import { scan } from "../support/port_scan.ts";
import { Probes } from "../support/probes.ts";
import { eventually, type RunningPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

await makePage();

/** What everything happens with. */
interface Scene {
  readonly link: Link;
  readonly probes: Probes;
  readonly visitor: Visitor;
}

/** What a browser says itself of a server that is gone. */
const GONE =
  /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/;

const CONFIG = {
  rules: [{ name: "No 2001", action: "block", protocol: "tcp", ports: [2001] }],
  rate_limit: { enabled: false },
};

kernelTest("dashboard page: what happens is seen there, and that pfw is gone", async (test) => {
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  await using running = new AsyncDisposableStack();
  const start = async () => running.use(await startPfw(link.local, sandbox, ["--dashboard"]));
  let pfw: RunningPfw = await start();
  await using visitor = await Visitor.in(link.local);
  const scene: Scene = { link, probes, visitor };
  await inTurn(test, {
    "the printed address signs in, and the token leaves it": () => signIn(scene, pfw),
    "figures, chart and top addresses move with the packets": () => seeFigures(scene),
    "the log shows, filters and pauses": () => followLog(scene),
    "the database is searched": () => searchLog(scene),
    "an address is explained": () => explain(scene),
    "a scan leads to a ban with its evidence": () => seeBan(scene),
    "what others change is repaired and told of": () => seeHealth(scene),
    "a pfw that is killed is missed, and found again without a reload": async () => {
      await markPage(scene);
      await pfw.end("SIGKILL");
      await seeLoss(scene);
      pfw = await start();
      await seeReturn(scene);
    },
    "a pfw that stops says so": async () => {
      equal((await pfw.end()).code, 0);
      await visitor.read(/pfw stopped at \d\d:\d\d:\d\d\. Nothing is enforced any more\./);
      await visitor.state("Stopped");
    },
  });
  visitor.isContent(GONE);
}, ["chromium"]);

async function signIn({ visitor }: Scene, pfw: RunningPfw): Promise<void> {
  await visitor.signIn(pfw);
  equal(new URL(visitor.page.url()).hash, "#/");
  const cookies = await visitor.page.context().cookies();
  deepEqual(cookies.map(({ httpOnly, sameSite }) => [httpOnly, sameSite]), [[true, "Strict"]]);
}

/** The figure of that name, as a number. */
async function figure({ visitor: { page } }: Scene, name: string): Promise<number> {
  const text = await page.getByRole("region", { name: "Figures" }).innerText();
  const [, value] = new RegExp(`${name}\\s+([\\d,]+)`).exec(text) ?? [];
  return Number(value?.replaceAll(",", ""));
}

/** As many questions, and as many answers. */
const MANY: readonly string[] = Array(20).fill("in udp 2002 10.9.0.2");

async function seeFigures(scene: Scene): Promise<void> {
  const { visitor, probes } = scene;
  const { page } = visitor;
  await visitor.read("Nobody was blocked yet.");
  await eventually(() => figure(scene, "Packets since start"), Number.isFinite);
  const before = await figure(scene, "Packets since start");
  await probes.expect({ blocked: ["in tcp 2001 10.9.0.2"], passes: MANY });
  const after = (count: number) => count >= before + 2 * MANY.length;
  ok(after(await eventually(() => figure(scene, "Packets since start"), after)));
  const blocked = (count: number) => count > 0;
  ok(blocked(await eventually(() => figure(scene, "Blocked since start"), blocked)));
  const legend = page.getByRole("table", { name: /Packets in the last/ });
  for (const span of ["1 hour", "24 hours", "5 minutes"]) {
    await page.getByRole("group", { name: "Span of the chart" }).getByText(span).click();
    await page.getByRole("table", { name: `Packets in the last ${span}` }).waitFor();
    const row = () => legend.getByRole("row", { name: /^Rule / }).innerText();
    match(await eventually(row, (text) => /[1-9]/.test(text)), /[1-9]/);
  }
  const top = page.getByRole("region", { name: "Top blocked addresses" });
  await top.getByRole("button", { name: "10.9.0.2" }).waitFor();
}

async function followLog({ visitor, probes }: Scene): Promise<void> {
  const { page } = visitor;
  await visitor.follow("Log");
  const blockedRow = page.getByRole("row", { name: /Blocked .*10\.9\.0\.2.*:2001.*Rule: No 2001/ });
  await blockedRow.first().waitFor();
  await page.getByLabel("Filter", { exact: true }).fill("2001 tcp");
  await page.getByLabel("What").selectOption("blocked");
  await page.getByRole("row", { name: /Allowed/ }).first().waitFor({ state: "detached" });
  await visitor.press("Pause");
  const shown = await blockedRow.count();
  await probes.expect({ blocked: ["in tcp 2001 10.9.0.3"], passes: [] });
  await page.getByRole("button", { name: /Go on \([1-9]\d* new\)/ }).waitFor();
  equal(await blockedRow.count(), shown);
  equal(await page.getByRole("row", { name: /10\.9\.0\.3/ }).count(), 0);
  await visitor.press(/Go on/);
  await page.getByRole("row", { name: /Blocked .*10\.9\.0\.3/ }).first().waitFor();
  await visitor.press("Show everything");
}

async function searchLog({ visitor }: Scene): Promise<void> {
  const { page } = visitor;
  await page.getByRole("group", { name: "Which log" }).getByText("Search the database").click();
  await page.getByLabel("Address or range").fill("10.9.0.3");
  await page.getByLabel("Port").fill("2001");
  const found = page.getByRole("row", { name: /Blocked .*10\.9\.0\.3.*:2001.*Rule: No 2001/ });
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await found.first().waitFor();
  equal(await page.getByRole("row", { name: /10\.9\.0\.2/ }).count(), 0);
}

async function explain({ visitor }: Scene): Promise<void> {
  const { page } = visitor;
  await page.getByRole("button", { name: "10.9.0.3" }).first().click();
  await page.getByRole("menuitem", { name: "Explain" }).click();
  await page.getByRole("main", { name: "Explain" }).waitFor();
  await page.getByLabel("Protocol").selectOption("TCP");
  await page.getByLabel("Port").fill("2001");
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Verdict" }).getByText("Blocked", { exact: true })
    .waitFor();
  await visitor.read("decides: block");
  await page.getByRole("region", { name: "In the kernel" }).getByText(/[1-9]\d* packets/).waitFor();
}

async function seeBan({ visitor, link, probes }: Scene): Promise<void> {
  const { page } = visitor;
  await visitor.follow("Bans");
  await visitor.read("Nobody is banned.");
  await scan(link.remote, "10.9.0.130", "10.9.0.1");
  await page.getByRole("button", { name: "10.9.0.130", exact: true }).waitFor();
  await visitor.read("Port scan");
  await page.getByText("Evidence").click();
  await visitor.read(/3001, 3002/);
  await probes.expect({ blocked: ["in tcp 2002 10.9.0.130"], passes: ["in tcp 2002 10.9.0.3"] });
}

async function seeHealth({ visitor, link }: Scene): Promise<void> {
  const { page } = visitor;
  await visitor.follow("Health");
  await visitor.read("Nothing was lost");
  await visitor.read("All in place");
  await page.getByRole("row", { name: /pfw-ban4 1 / }).waitFor();
  await link.local.run(["ipset", "flush", "pfw-ban4"]);
  await page.getByRole("region", { name: "Changes by others" }).getByText(/pfw-ban4/).first()
    .waitFor();
}

/** What a reload would lose. */
async function markPage({ visitor: { page } }: Scene): Promise<void> {
  await page.evaluate(`globalThis.notReloaded = true`);
}

async function seeLoss({ visitor }: Scene): Promise<void> {
  await visitor.read(/No connection since \d\d:\d\d:\d\d, trying again\./);
  await visitor.read("What you see is from before.");
  await visitor.state("No connection");
}

async function seeReturn(scene: Scene): Promise<void> {
  const { visitor, probes } = scene;
  await visitor.missing(/No connection since/);
  await visitor.state("Enforcing");
  await visitor.follow("Overview");
  const before = await figure(scene, "Packets since start");
  await probes.expect({ blocked: [], passes: MANY });
  const moved = (count: number) => count >= before + 2 * MANY.length;
  ok(moved(await eventually(() => figure(scene, "Packets since start"), moved)));
  equal(await visitor.page.evaluate(`globalThis.notReloaded`), true);
}
