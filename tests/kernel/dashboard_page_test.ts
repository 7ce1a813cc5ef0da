/** What a person changes on the dashboard's page, by mouse and keyboard, is seen in the kernel. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { inTurn, Visitor } from "../support/browser.ts";
import { createPair, firewallText, kernelTest, type Link } from "../support/netns.ts";
import { makePage } from "../support/page.ts";
import { Probes } from "../support/probes.ts";
import { startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

await makePage();

/** A rule's name and a feed's that would run as a script where they were not shown as text. */
const HOSTILE_RULE = `No 2001 <script>alert("rule")</script>`;
const HOSTILE_FEED = `Feed <img src=x onerror=alert("feed")>`;

/** Who may not be cut off. */
const SSH_SESSION = { SSH_CONNECTION: "10.9.0.2 50000 10.9.0.1 22" };

/** A feed takes public addresses alone. */
const LISTED = ["11.0.0.130", "11.0.0.131"];

/** What everything happens with. */
interface Scene {
  readonly link: Link;
  readonly probes: Probes;
  readonly sandbox: Sandbox;
  readonly visitor: Visitor;
}

function configuration(feed: string) {
  return {
    rules: [
      { name: HOSTILE_RULE, action: "block", protocol: "tcp", ports: [2001] },
      { name: "Friend", action: "allow", source_ips: ["10.9.0.3"] },
    ],
    threat_feeds: [{ name: HOSTILE_FEED, url: `file://${feed}`, format: "plain", enabled: false }],
    // Probes that find nobody would ban each other.
    detection: { enabled: false },
    rate_limit: { enabled: false },
  };
}

const rulesOf = ({ sandbox }: Scene): string[] =>
  sandbox.readConfig().rules.map(({ name }: { name: string }) => name);

async function isInSet({ link }: Scene, set: string, address: string): Promise<boolean> {
  return (await link.local.commands.run(["ipset", "test", set, address])).status === 0;
}

kernelTest("dashboard page: what is changed there is changed in the kernel", async (test) => {
  await using link = await createPair();
  await using probes = await Probes.start(link);
  await using sandbox = new Sandbox();
  const feed = sandbox.path("feed.txt");
  await Deno.writeTextFile(feed, LISTED[0]);
  for (const address of LISTED) {
    await link.remote.run(["ip", "address", "add", `${address}/32`, "dev", "veth-0"]);
    await link.local.run(["ip", "route", "add", `${address}/32`, "dev", "veth-0"]);
  }
  sandbox.writeConfig(configuration(feed));
  const empty = await firewallText(link.local);
  await using pfw = await startPfw(link.local, sandbox, ["--dashboard"], { env: SSH_SESSION });
  await using visitor = await Visitor.in(link.local);
  await visitor.signIn(pfw);
  const scene: Scene = { link, probes, sandbox, visitor };
  await inTurn(test, {
    "a rule is added, edited, switched off and on": () => editRules(scene),
    "a rule is moved by keyboard and by dragging": () => moveRules(scene),
    "a rule is removed": () => removeRule(scene),
    "lists are added to and taken from": () => changeLists(scene),
    "ICMP is blocked and let through": () => switchIcmp(scene),
    "a ban is made and lifted": () => banAndLift(scene),
    "a feed is switched on, updated, switched off": () => useFeed(scene, feed),
    "what would cut off is tried, taken back, kept": () => tryCut(scene),
    "enforcing ends and begins again": () => changeMode(scene, empty),
  });
  equal(await visitor.page.locator("main img, main script, main iframe").count(), 0);
  // A change that would cut somebody off is refused with this status before it is asked about.
  visitor.isContent(/status of 409/);
}, ["chromium"]);

async function editRules(scene: Scene): Promise<void> {
  const { visitor, probes } = scene;
  await visitor.follow("Rules");
  await visitor.read(HOSTILE_RULE);
  await visitor.press("New rule");
  await visitor.dialog.getByLabel("Name").fill("No 2002");
  await visitor.dialog.getByLabel("Ports").fill("2002");
  await visitor.dialog.getByRole("button", { name: "Add the rule" }).click();
  await visitor.read(/Added rule 3 .* In force after .+ ms\./);
  await probes.expect({
    blocked: ["in tcp 2002 10.9.0.2", "in tcp 2002 fd09::2"],
    passes: ["in tcp 2002 10.9.0.3", "in tcp 2003 10.9.0.2"],
  });
  deepEqual(rulesOf(scene), [HOSTILE_RULE, "Friend", "No 2002"]);

  await visitor.press("Edit rule 3");
  await visitor.dialog.getByLabel("Ports").fill("2003");
  await visitor.page.keyboard.press("Enter");
  await visitor.dialog.waitFor({ state: "detached" });
  await probes.expect({ blocked: ["in tcp 2003 10.9.0.2"], passes: ["in tcp 2002 10.9.0.2"] });

  await visitor.turn("Rule 3, No 2002", false);
  await probes.expect({ blocked: [], passes: ["in tcp 2003 10.9.0.2"] });
  equal(scene.sandbox.readConfig().rules[2].enabled, false);
  await visitor.turn("Rule 3, No 2002", true);
}

/** Which of two rules comes first decides about the friend. */
async function moveRules(scene: Scene): Promise<void> {
  const { visitor, probes } = scene;
  const { page } = visitor;
  await page.getByRole("button", { name: "Move rule 3, No 2002" }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await visitor.read("No 2002 is now rule 1");
  await probes.expect({ blocked: ["in tcp 2003 10.9.0.3"], passes: ["in tcp 2002 10.9.0.3"] });
  deepEqual(rulesOf(scene), ["No 2002", HOSTILE_RULE, "Friend"]);

  const from = await page.getByRole("button", { name: /^Move rule 1/ }).boundingBox();
  const to = await page.getByRole("button", { name: /^Move rule 3/ }).boundingBox();
  await page.mouse.move(from!.x + 10, from!.y + 10);
  await page.mouse.down();
  await page.mouse.move(to!.x + 10, to!.y + 10, { steps: 5 });
  await page.mouse.up();
  await visitor.read("No 2002 is now rule 3");
  await probes.expect({ blocked: ["in tcp 2001 10.9.0.2"], passes: ["in tcp 2003 10.9.0.3"] });
  deepEqual(rulesOf(scene), [HOSTILE_RULE, "Friend", "No 2002"]);
}

async function removeRule(scene: Scene): Promise<void> {
  const { visitor, probes } = scene;
  await visitor.press("Remove rule 3");
  await visitor.dialog.getByRole("button", { name: "Remove" }).click();
  await visitor.read(/Removed rule 3/);
  await probes.expect({ blocked: ["in tcp 2001 10.9.0.2"], passes: ["in tcp 2003 10.9.0.2"] });
  deepEqual(rulesOf(scene), [HOSTILE_RULE, "Friend"]);
}

async function changeLists(scene: Scene): Promise<void> {
  const { visitor, probes } = scene;
  const { page } = visitor;
  await visitor.follow("Lists");
  await page.getByLabel("Add to the blacklist").fill("10.9.0.3, fd09::3 203.0.113.0/24");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Remove fd09::3 from the blacklist" }).waitFor();
  await probes.expect({
    blocked: ["in tcp 2003 10.9.0.3", "out udp 2003 fd09::3"],
    passes: ["in tcp 2002 10.9.0.2"],
  });
  ok(await isInSet(scene, "pfw-black4", "203.0.113.77"));
  await page.getByLabel("Search the blacklist").fill("fd09");
  await visitor.read("1 match");
  await page.getByLabel("Search the blacklist").fill("");

  await page.getByLabel("Add to the whitelist").fill("10.9.0.3");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Remove 10.9.0.3 from the whitelist" }).waitFor();
  await probes.expect({ blocked: ["in tcp 2003 fd09::3"], passes: ["in tcp 2003 10.9.0.3"] });
  await visitor.press("Remove 10.9.0.3 from the whitelist");
  await visitor.read("Removed 10.9.0.3 from the whitelist.");
  ok(!await isInSet(scene, "pfw-white4", "10.9.0.3"));
  ok(await isInSet(scene, "pfw-black4", "10.9.0.3"));

  await visitor.press("Remove 10.9.0.3 from the blacklist");
  await visitor.read("Removed 10.9.0.3 from the blacklist.");
  await visitor.press("Remove fd09::3 from the blacklist");
  await visitor.read("Removed fd09::3 from the blacklist.");
  await probes.expect({ blocked: [], passes: ["in tcp 2003 10.9.0.3", "in tcp 2003 fd09::3"] });
  deepEqual(scene.sandbox.readConfig().blacklist_ips, ["203.0.113.0/24"]);
}

async function switchIcmp({ visitor, probes }: Scene): Promise<void> {
  await visitor.follow("Rules");
  await visitor.turn("Block incoming ICMP", true);
  await probes.expect({ blocked: ["in icmp 10.9.0.2", "in icmp fd09::2"], passes: [] });
  await visitor.turn("Block incoming ICMP", false);
  await probes.expect({ blocked: [], passes: ["in icmp 10.9.0.2", "in icmp fd09::2"] });
}

async function banAndLift(scene: Scene): Promise<void> {
  const { visitor, probes } = scene;
  await visitor.follow("Bans");
  await visitor.press("Ban");
  await visitor.dialog.getByLabel("Addresses or ranges").fill("10.9.0.130");
  await visitor.dialog.getByLabel("For how long").selectOption("1 day");
  await visitor.dialog.getByLabel("Reason").fill("rude");
  await visitor.dialog.getByRole("button", { name: "Ban", exact: true }).click();
  await visitor.read(/Banned 10\.9\.0\.130\. In force after/);
  ok(await isInSet(scene, "pfw-ban4", "10.9.0.130"));
  await probes.expect({ blocked: ["in tcp 2003 10.9.0.130"], passes: ["in icmp 10.9.0.3"] });
  await visitor.press("Lift the ban of 10.9.0.130");
  await visitor.read(/No longer banned: 10\.9\.0\.130/);
  ok(!await isInSet(scene, "pfw-ban4", "10.9.0.130"));
  await probes.expect({ blocked: [], passes: ["in tcp 2002 10.9.0.130"] });
}

async function useFeed(scene: Scene, file: string): Promise<void> {
  const { visitor, probes } = scene;
  const [first, second] = LISTED.map((address) => `in tcp 2002 ${address}`);
  await visitor.follow("Feeds");
  await visitor.read(HOSTILE_FEED);
  await visitor.read("Switched off");
  await visitor.turn(`Feed ${HOSTILE_FEED}`, true);
  await visitor.read("1 entry in force");
  await visitor.read("Up to date");
  await probes.expect({ blocked: [first], passes: [second] });

  await Deno.writeTextFile(file, LISTED.join("\n"));
  await visitor.press(`Update ${HOSTILE_FEED}`);
  await visitor.read("2 entries in force");
  await probes.expect({ blocked: [first, second], passes: ["in tcp 2002 10.9.0.2"] });
  await visitor.turn(`Feed ${HOSTILE_FEED}`, false);
  await visitor.read("Switched off");
  await probes.expect({ blocked: [], passes: [first, second] });
}

/** The session by SSH would be blocked by a default policy of `block`. */
async function tryCut({ visitor, probes, sandbox }: Scene): Promise<void> {
  const { page } = visitor;
  const choice = (word: string) =>
    page.getByRole("group", { name: "Default policy" }).getByText(word);
  const question = page.getByRole("alertdialog");
  const onTrial = "A change is on trial";
  const free = "in tcp 2004 10.9.0.3";
  await visitor.follow("Rules");
  await choice("Block").click();
  await question.getByRole("cell", { name: "the SSH session from 10.9.0.2" }).waitFor();
  await question.getByRole("button", { name: "Cancel" }).click();
  await visitor.read("Nothing was changed.");

  await choice("Block").click();
  await question.getByRole("button", { name: "Do it for 60 s unless I keep it" }).click();
  await visitor.read(onTrial);
  await visitor.read(/taken back in (1:00|0:5\d)/);
  await probes.expect({ blocked: ["in tcp 2004 10.9.0.2"], passes: [free] });
  await visitor.press("Take back");
  await visitor.missing(onTrial);
  await probes.expect({ blocked: [], passes: ["in tcp 2004 10.9.0.2"] });
  ok(sandbox.readConfig().default_policy !== "block");

  await choice("Block").click();
  await question.getByRole("button", { name: "Do it for 60 s unless I keep it" }).click();
  await visitor.press("Keep");
  await visitor.missing(onTrial);
  await probes.expect({ blocked: ["in tcp 2004 10.9.0.2"], passes: [free] });
  equal(sandbox.readConfig().default_policy, "block");
  await choice("Allow").click();
  await page.getByRole("group", { name: "Default policy" })
    .getByRole("radio", { name: "Allow", checked: true }).waitFor();
  await probes.expect({ blocked: [], passes: ["in tcp 2004 10.9.0.2"] });
}

async function changeMode({ visitor, probes, link }: Scene, empty: string): Promise<void> {
  const { page } = visitor;
  const banner = page.getByRole("banner");
  await banner.getByRole("button", { name: "Only monitor" }).click();
  await visitor.dialog.getByRole("button", { name: "Only monitor" }).click();
  await visitor.state("Monitoring");
  await visitor.dialog.waitFor({ state: "detached" });
  equal(await firewallText(link.local), empty, "no trace in the kernel");
  await probes.expect({ blocked: [], passes: ["in tcp 2001 10.9.0.2"] });
  await banner.getByRole("button", { name: "Enforce" }).click();
  await visitor.state("Enforcing");
  await probes.expect({ blocked: ["in tcp 2001 10.9.0.2"], passes: [] });
}
