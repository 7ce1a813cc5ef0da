/** What a person can change on the page, by mouse and by keyboard. */
import assert from "node:assert/strict";
import { closeBrowserAfterAll, lastRequest, pageTest, until } from "./page_browser.ts";

closeBrowserAfterAll();

pageTest("a rule is added, edited, switched, removed", {}, async ({ page, fake, view }) => {
  await view("rules");
  await page.getByRole("button", { name: "New rule" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Name").fill("No gopher");
  await form.getByLabel("Ports").fill("70, 7000-7010");
  await form.getByText("Blocks TCP to port 70, 7000-7010, incoming.").waitFor();
  await form.getByRole("button", { name: "Add the rule" }).click();
  await page.getByText("In force after 84 ms.").first().waitFor();
  const added = lastRequest(fake, "POST /rules/add") as { rule: { ports: unknown[] } };
  assert.deepEqual(added.rule.ports, [70, "7000-7010"]);

  await page.getByRole("button", { name: "Edit rule 6" }).click();
  await form.getByText("Allow", { exact: true }).click();
  await form.getByRole("button", { name: "Change the rule" }).click();
  await form.waitFor({ state: "detached" });
  assert.equal(fake.state.rules[5].rule.action, "allow");

  await page.getByRole("switch", { name: "Rule 6, No gopher" }).click();
  await page.getByRole("switch", { name: "Rule 6, No gopher", checked: false }).waitFor();

  await page.getByRole("button", { name: "Remove rule 6" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByRole("rowheader", { name: "No gopher" }).waitFor({ state: "detached" });
  assert.equal(fake.state.rules.length, 5);
});

pageTest(
  "a bad rule says why, in its form",
  { expected: /status of 422/ },
  async ({ page, view, fake }) => {
    await view("rules");
    await page.getByRole("button", { name: "New rule" }).click();
    const form = page.getByRole("dialog");
    await form.getByLabel("Name").fill("Bad");
    await form.getByLabel("Ports").fill("70000");
    await form.getByRole("button", { name: "Add the rule" }).click();
    // What lies outside an open dialog is neither heard nor clicked.
    await form.getByRole("alert").getByText("Ports: 70000 is not a port").waitFor();
    assert.equal(await page.locator(".toast").count(), 0);
    const field = form.getByLabel("Ports");
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    const [problem] = (await field.getAttribute("aria-describedby"))!.split(" ");
    assert.equal(await form.locator(`[id="${problem}"]`).innerText(), "70000 is not a port");
    assert.equal(await form.getByLabel("Name").getAttribute("aria-invalid"), null);
    await page.keyboard.press("Escape");
    await form.waitFor({ state: "detached" });
    assert.equal(fake.state.rules.length, 5);
  },
);

pageTest("rules are moved by keyboard, and told of", {}, async ({ page, fake, view }) => {
  await view("rules");
  await page.getByRole("button", { name: "Move rule 1, Office may do everything" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText(/Office may do everything lifted, place 1 of 5/).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.getByText("Place 3 of 5").waitFor();
  await page.keyboard.press("Enter");
  await page.getByText("Office may do everything is now rule 3").waitFor();
  assert.equal(fake.state.rules[2].rule.name, "Office may do everything");
  await page.locator('[aria-label^="Move rule 3"]:focus').waitFor();

  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Escape");
  await page.getByText("Office may do everything stays in place 3").waitFor();
  assert.equal(fake.requests.filter((one) => one.startsWith("POST /rules/move")).length, 1);
});

pageTest("rules are moved by dragging", {}, async ({ page, fake, view }) => {
  await view("rules");
  const from = await page.getByRole("button", { name: /^Move rule 4/ }).boundingBox();
  const to = await page.getByRole("button", { name: /^Move rule 2/ }).boundingBox();
  await page.mouse.move(from!.x + 10, from!.y + 10);
  await page.mouse.down();
  await page.mouse.move(to!.x + 10, to!.y + 10, { steps: 5 });
  await page.mouse.up();
  await page.getByText("No SMTP from here is now rule 2").waitFor();
  assert.equal((lastRequest(fake, "POST /rules/move") as { to: number }).to, 2);
  assert.equal(fake.state.rules[1].rule.name, "No SMTP from here");
});

pageTest("a rule is dragged further than a small screen", {
  browser: { viewport: { width: 390, height: 500 }, hasTouch: true, isMobile: true },
}, async ({ page, fake, view }) => {
  const [{ rule }] = fake.state.rules;
  const more = Array.from({ length: 20 }, (_, at) => ({ ...rule, name: `Rule like ${at}` }));
  fake.state.rules.push(...more.map((rule) => ({ rule, packets: 0, bytes: 0 })));
  await view("rules");
  const last = page.getByRole("button", { name: /^Move rule 25/ });
  await last.waitFor();
  await page.evaluate("scrollTo(0, document.body.scrollHeight)");
  const from = await last.boundingBox();
  await page.mouse.move(from!.x + 10, from!.y + 10);
  await page.mouse.down();
  await page.mouse.move(from!.x + 10, 30, { steps: 5 });
  // Not hidden by the navigation, which stays at the top.
  await until(
    page,
    `document.querySelector(".drop-before")?.getBoundingClientRect().bottom >
    document.querySelector(".navigation").getBoundingClientRect().bottom`,
  );
  await page.locator(".rule-row:first-child.drop-before").waitFor();
  await page.mouse.up();
  await page.getByText("Rule like 19 is now rule 1").waitFor({ state: "attached" });
  assert.equal((lastRequest(fake, "POST /rules/move") as { to: number }).to, 1);
});

pageTest("rules that somebody else changed are loaded again", {
  expected: /status of 409/,
}, async ({ page, fake, view }) => {
  await view("rules");
  await page.getByRole("button", { name: "Remove rule 1" }).waitFor();
  fake.state.rules.unshift(...fake.state.rules.splice(3, 1));
  await page.getByRole("switch", { name: "Rule 1, Office may do everything" }).click();
  await page.getByText("Somebody else changed the rules meanwhile").first().waitFor();
  await page.getByRole("switch", { name: "Rule 1, No SMTP from here" }).waitFor();
});

pageTest("what would cut off is asked about, tried, and taken back", {
  wouldCut: true,
  expected: /status of 409/,
}, async ({ page, fake, view }) => {
  await view("rules");
  await page.getByRole("switch", { name: "Rule 2, Block Telnet and SMB" }).click();
  const question = page.getByRole("alertdialog");
  await question.getByText("this page, from 192.0.2.50").waitFor();
  assert.equal(await question.getByText("--force").count(), 0);
  await question.getByRole("button", { name: "Cancel" }).click();
  assert.equal(fake.state.rules[1].rule.enabled, true);

  await page.getByRole("switch", { name: "Rule 2, Block Telnet and SMB" }).click();
  await question.getByRole("button", { name: "Do it for 60 s unless I keep it" }).click();
  await page.getByText("A change is on trial").waitFor();
  const sent = lastRequest(fake, "POST /rules/toggle") as Record<string, unknown>;
  assert.deepEqual([sent.force, sent.confirm], [true, 60]);
  await page.getByText(/taken back in (1:00|0:5\d)/).waitFor();
  await page.getByRole("button", { name: "Take back" }).click();
  await page.getByText("A change is on trial").waitFor({ state: "detached" });
  assert.equal(fake.state.rules[1].rule.enabled, true);

  await page.getByRole("switch", { name: "Rule 2, Block Telnet and SMB" }).click();
  await question.getByRole("button", { name: "Do it for 60 s unless I keep it" }).click();
  await page.getByRole("button", { name: "Keep" }).click();
  await page.getByText("The change stays.").first().waitFor();
  assert.equal(fake.state.rules[1].rule.enabled, false);

  await page.getByRole("switch", { name: "Block incoming ICMP" }).click();
  await question.getByRole("button", { name: "Do it", exact: true }).click();
  await page.getByRole("switch", { name: "Block incoming ICMP", checked: true }).waitFor();
  assert.equal((lastRequest(fake, "POST /icmp") as { confirm?: number }).confirm, undefined);
});

pageTest("ICMP and the default policy are switched; monitoring says so", {
  isMonitor: true,
}, async ({ page, fake, view }) => {
  await view("rules");
  await page.getByText("Monitoring").waitFor();
  await page.getByRole("switch", { name: "Block incoming ICMP" }).click();
  await page.getByText("pfw only monitors: nothing is enforced.").first().waitFor();
  await page.getByRole("group", { name: "Default policy" }).getByText("Block").click();
  await page.getByText("The default policy is block.").first().waitFor();
  assert.equal(fake.state.defaultPolicy, "block");
  await page.getByRole("button", { name: "Enforce" }).click();
  await page.getByText("Enforcing").waitFor();
  await page.getByRole("button", { name: "Only monitor" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Only monitor" }).click();
  await page.getByText("Monitoring").waitFor();
});

pageTest("lists are added to, searched and taken from", {
  expected: /status of 422/,
}, async ({ page, fake, view }) => {
  await view("lists");
  await page.getByText("621 entries").waitFor();
  await page.getByRole("button", { name: "Show more (421 left)" }).click();
  await page.getByRole("button", { name: "Show more (221 left)" }).waitFor();
  await page.getByLabel("Search the blacklist").fill("51.2.10");
  await page.getByText("9 matches").waitFor();
  const add = page.getByLabel("Add to the whitelist");
  await add.fill("nonsense!");
  await page.keyboard.press("Enter");
  await page.getByText('Add to the whitelist: "nonsense!" is not an address').first().waitFor();
  assert.equal(await add.getAttribute("aria-invalid"), "true");
  await add.fill("192.0.2.1, 2001:db8::/32");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Remove 2001:db8::/32 from the whitelist" }).click();
  const removed = page.locator(".card .told", { hasText: "Removed 2001:db8::/32 from the" });
  await removed.waitFor();
  await page.getByLabel("Search the whitelist").fill("127");
  await page.getByText("1 match", { exact: true }).waitFor();
  assert.equal(await removed.count(), 0, "a search does not stand beside an old outcome");
  assert.deepEqual(fake.state.lists.whitelist, ["192.0.2.1", "127.0.0.1", "::1"]);
});

pageTest("a long list stays as long as it was shown", {}, async ({ page, fake, view }) => {
  await view("lists");
  await page.getByRole("button", { name: "Show more (421 left)" }).click();
  await page.getByRole("button", { name: "Show more (221 left)" }).waitFor();
  const remove = page.getByRole("button", { name: "Remove 198.51.1.140 from the blacklist" });
  await remove.scrollIntoViewIfNeeded();
  const before = await page.evaluate<number>("scrollY");
  await remove.click();
  await remove.waitFor({ state: "detached" });
  await page.getByText("Show more (220 left)").waitFor();
  assert.equal(fake.state.lists.blacklist.length, 620);
  assert.ok(Math.abs(await page.evaluate<number>("scrollY") - before) < 200, "it does not jump");
  await page.getByLabel("Search the blacklist").fill("198.51");
  await page.getByText("619 matches").waitFor();
  assert.equal(
    await page.getByLabel("Entries of the blacklist").getByRole("listitem").count(),
    200,
  );
});

pageTest("bans are made and lifted, with their evidence", {}, async ({ page, fake, view }) => {
  await view("bans");
  await page.getByText("Evidence").first().click();
  await page.getByText("22, 23, 80, 443, 445, 3389").waitFor();
  await page.getByRole("button", { name: "Ban", exact: true }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Addresses or ranges").fill("203.0.113.200");
  await form.getByLabel("For how long").selectOption("1 day");
  await form.getByLabel("Reason").fill("rude");
  await form.getByRole("button", { name: "Ban" }).click();
  await page.getByText(/Banned 203\.0\.113\.200\. In force after/).first().waitFor();
  assert.equal(fake.state.bans[0].secondsLeft, 86_400);
  await page.getByRole("button", { name: "Lift the ban of 203.0.113.200" }).click();
  const lifted = page.locator(".card .told", { hasText: "No longer banned: 203.0.113.200" });
  await lifted.waitFor();
  await page.getByLabel("Search the bans").fill("198.51");
  await lifted.waitFor({ state: "detached" });
  assert.equal(fake.state.bans.length, 3);
});

pageTest("no feed is in force where pfw only monitors", { isMonitor: true }, async (
  { page, view },
) => {
  await view("feeds");
  await page.getByText("25,130 entries loaded").waitFor();
});

pageTest("feeds are updated and switched", {}, async ({ page, fake, view }) => {
  await view("feeds");
  await page.getByText("answered with status 503").waitFor();
  await page.getByRole("button", { name: "Update Feodo Tracker" }).click();
  await page.getByText("The update began").first().waitFor();
  assert.deepEqual(lastRequest(fake, "POST /threats/update"), { names: ["Feodo Tracker"] });
  await page.getByText("25,130 entries in force").first().waitFor();
  await page.getByRole("switch", { name: "Feed Tor exits" }).click();
  await page.getByRole("switch", { name: "Feed Tor exits", checked: true }).waitFor();
});

pageTest("an address offers what can be done about it", {}, async ({ page, fake, view }) => {
  await view("bans");
  const address = page.getByRole("button", { name: "203.0.113.77", exact: true });
  await address.focus();
  await page.keyboard.press("Enter");
  const menu = page.getByRole("menu");
  await menu.locator("button:focus").waitFor();
  assert.deepEqual(await menu.getByRole("menuitem").allInnerTexts(), [
    "Explain",
    "Find in the log",
    "Ban…",
    "Add to blacklist",
    "Add to whitelist",
    "Copy",
  ]);
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page.getByText("Added 203.0.113.77 to the whitelist.").first().waitFor();
  assert.equal(fake.state.lists.whitelist[0], "203.0.113.77");

  await address.click();
  await menu.locator("button:focus").waitFor();
  await page.keyboard.press("Escape");
  await menu.waitFor({ state: "detached" });
  await address.click();
  await menu.getByRole("menuitem", { name: "Explain" }).click();
  await page.getByText("Blocked", { exact: true }).waitFor();
  await page.getByText("decides: block").waitFor();
  await page.getByText("pfw-ban4").waitFor();
  await page.getByText(/decides before pfw: -A INPUT/).waitFor();
  await page.getByText("Listed by").waitFor();
});
