/** What the page shows by itself: live figures, the log, the chart, and that it is honest about it. */
import assert from "node:assert/strict";
import { PACKETS, TOKEN } from "./fake_api.ts";
import { fakeSeries } from "./fake_traffic.ts";
import { closeBrowserAfterAll, pageTest, until } from "./page_browser.ts";

closeBrowserAfterAll();

/** What a browser says itself of a server that is gone. */
const GONE = /ERR_|Failed to load resource|EventSource/;

pageTest("the token in the address signs in, and leaves it", {
  isSignedOut: true,
}, async ({ page, fake }) => {
  await page.goto(`${fake.address}/#token=${TOKEN}`);
  await page.getByText("Enforcing").waitFor();
  assert.equal(new URL(page.url()).hash, "#/");
});

pageTest("who is not signed in is told how, and may paste the address", {
  isSignedOut: true,
  expected: GONE,
}, async ({ page, view, fake }) => {
  await view("rules");
  await page.getByText("pfw start --dashboard").waitFor();
  assert.equal(await page.title(), "Sign in · pfw");
  assert.equal(await page.getByText("The session has ended.").count(), 0);
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("that is not the token").first().waitFor();
  await page.getByLabel("Token").fill(`http://127.0.0.1:8787/#token=${TOKEN}`);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Rules" }).first().waitFor();
  fake.isSignedIn = false;
  fake.cut();
  await page.getByText("The session has ended.").waitFor();
  assert.equal(await page.title(), "Sign in · pfw");
});

pageTest("a token is asked about once at a time", {
  isSignedOut: true,
  expected: GONE,
}, async ({ page, view, fake }) => {
  await view("");
  // A wrong token is answered late.
  await page.route("**/api/login", async (route) => {
    await page.waitForTimeout(1_000);
    await route.continue();
  });
  await page.getByLabel("Token").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Signing in…", disabled: true }).waitFor();
  await page.getByLabel("Token").fill(TOKEN);
  await page.keyboard.press("Enter");
  await page.getByText("that is not the token").waitFor();
  assert.equal(fake.requests.filter((one) => one.startsWith("POST /login")).length, 1);
  await page.keyboard.press("Enter");
  await page.getByText("Enforcing").waitFor();
});

pageTest("who could not be signed out is told", { expected: GONE }, async ({ page, view }) => {
  await page.route("**/api/logout", (route) => route.abort());
  await view("health");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.locator(".toast", { hasText: "not signed out: " }).waitFor();
  assert.equal(await page.getByLabel("Token").count(), 0);
});

pageTest("a wrong token in the address ends no session", { expected: GONE }, async (
  { page, view, fake },
) => {
  await view("");
  await page.evaluate("location.hash = '#token=wrong'");
  await page.locator(".toast", { hasText: "that is not the token" }).waitFor();
  await page.getByText("Enforcing").waitFor();
  assert.equal(await page.getByLabel("Token").count(), 0);
  fake.isSignedIn = false;
  await page.goto(fake.address + "/?again#token=wrong");
  await page.getByLabel("Token").waitFor();
});

pageTest("figures, chart and log move", {}, async ({ page, view }) => {
  await view("");
  const figure = page.locator(".figure").nth(2).locator(".figure-value");
  await figure.filter({ hasText: /12,34\d,\d{3}/ }).waitFor();
  const before = await figure.innerText();
  await page.locator(".figure-value", { hasText: /^[1-9]/ }).first().waitFor();
  await page.locator(".log-table tbody tr").nth(5).waitFor();
  await figure.filter({ hasNotText: before }).waitFor();
  await page.locator(".uplot canvas").nth(1).waitFor();
  for (const span of ["1 hour", "24 hours", "5 minutes"]) {
    await page.getByRole("group", { name: "Span of the chart" }).getByText(span).click();
    await page.getByText(`Packets in the last ${span}`).waitFor();
  }
  await page.getByText("24 hours", { exact: true }).click();
  const sum = page.locator(".legend", { hasText: "last 24 hours" }).locator("td").first();
  const shown = Number((await sum.innerText()).replaceAll(",", ""));
  const past = fakeSeries("24h", Date.now(), PACKETS).allowed.reduce((all, count) => all + count);
  assert.ok(shown >= past && shown < past + 60 * PACKETS, `${shown} for ${past} and a few ticks`);
  await page.locator(".canvas").nth(1).hover();
  await page.locator(".legend caption", { hasText: /^At / }).waitFor();
  await page.locator(".legend td", { hasText: "/s" }).first().waitFor();
});

pageTest("the log is filtered and paused", { isBusy: true }, async ({ page, view, fake }) => {
  await view("log");
  const rows = page.locator(".log-table tbody tr");
  await rows.nth(60).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  const first = await rows.first().innerText();
  await page.getByRole("button", { name: /Go on \([1-9]\d* new\)/ }).waitFor();
  assert.equal(await rows.first().innerText(), first);
  assert.ok(fake.traffic.seq > 60);
  await page.getByLabel("Why").selectOption("Threat feed");
  await page.getByLabel("Filter", { exact: true }).fill("feodo in");
  await until(
    page,
    `[...document.querySelectorAll(".log-why")].length > 0 &&
    [...document.querySelectorAll(".log-why")].every((one) => /Feodo/.test(one.textContent))`,
  );
  await page.getByRole("button", { name: /Go on/ }).click();
  await page.getByRole("button", { name: "Show everything" }).click();
  await page.locator(".log-allowed").first().waitFor();
  assert.ok(await rows.count() <= 200);
});

for (const width of [1_280, 390]) {
  pageTest(`each packet shows its way at ${width} pixels`, {
    isBusy: true,
    browser: { viewport: { width, height: 900 } },
  }, async ({ page, view }) => {
    await view("log");
    await page.locator(".log-table tbody tr").nth(60).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    for (const way of ["incoming", "outgoing", "forwarded"]) {
      const row = page.locator(".way", { hasText: way }).first();
      assert.equal(await row.locator("svg").count(), way === "forwarded" ? 0 : 1, way);
      // For who sees no icon the word is there however narrow the page.
      assert.match(await row.innerText(), new RegExp(`^${way}\\s+eth0$`));
    }
    const word = page.getByText("forwarded", { exact: true }).first();
    assert.ok((await word.boundingBox())!.width > 20, "a way without an icon is said");
  });
}

pageTest("another filter begins with the newest rows, and goes on", { isBusy: true }, async (
  { page, view },
) => {
  await view("log");
  await page.locator(".log-table tbody tr").nth(60).waitFor();
  const goOn = page.getByRole("button", { name: /^Go on/ });
  const filter = page.getByLabel("Filter", { exact: true });
  const scrollDown = async () => {
    await page.evaluate('document.querySelector(".scroll").scrollTop = 600');
    await goOn.waitFor();
  };
  const goesOn = async () => {
    await goOn.waitFor({ state: "detached" });
    await page.waitForTimeout(600);
    assert.equal(await page.getByText(/^held, /).count(), 0, "nobody points at a row");
    const newest = await page.locator(".log-from").first().innerText();
    await page.locator(".log-from").first().filter({ hasNotText: newest }).waitFor();
  };
  for (const text of ["nothing has this", "tcp"]) {
    await scrollDown();
    await filter.fill(text);
    if (text !== "tcp") await page.getByText("No packets yet.").waitFor();
    else await until(page, 'document.querySelector(".scroll").scrollTop === 0');
    await filter.fill("");
    await goesOn();
  }
  await scrollDown();
  await goOn.click();
  await goesOn();
});

pageTest(
  "the database is searched",
  { expected: /status of 422/ },
  async ({ page, view, fake }) => {
    await view("log");
    await page.getByRole("group", { name: "Which log" }).getByText("Search the database").click();
    await page.getByLabel("Port").fill("443");
    await page.getByLabel("In the last").selectOption("hour");
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByText(/rows? found/).waitFor();
    assert.match(
      fake.requests.findLast((one) => one.startsWith("GET /logs"))!,
      /type=blocked&limit=300&port=443&since=1h$/,
    );
    await page.getByLabel("Address or range").fill("nonsense!");
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByText('"nonsense!" is not an address or range').first().waitFor();
    await view("log?ip=203.0.113.9");
    await page.getByText(/rows? found/).waitFor();
    assert.match(
      fake.requests.findLast((one) => one.startsWith("GET /logs"))!,
      /ip=203\.0\.113\.9/,
    );
  },
);

pageTest("an address is found again, and the way back is live", {}, async ({ page, view }) => {
  const find = async () => {
    await page.locator(".log-table .address").first().click();
    const answer = page.waitForResponse(/api\/logs/);
    await page.getByRole("menuitem", { name: "Find in the log" }).click();
    await answer;
  };
  await view("log");
  await page.locator(".log-table tbody tr").nth(3).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await find();
  await page.getByRole("group", { name: "Which log" }).getByText("Live").click();
  await find();
  await page.goBack();
  await page.getByRole("search", { name: "Filter the live log" }).waitFor();
});

pageTest("the same question is asked again, as its answer may be another", {}, async (
  { page, view, fake },
) => {
  await view("explain?address=203.0.113.77&direction=in");
  await page.getByText("decides: block").waitFor();
  fake.state.bans = [];
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByText("decides: allow").waitFor();
});

pageTest("a lost connection is told of, and found again by itself", {
  expected: GONE,
}, async ({ page, view, fake }) => {
  await view("");
  await page.locator(".log-table tbody tr").nth(3).waitFor();
  fake.isReachable = false;
  fake.cut();
  await page.getByText(/No connection since \d\d:\d\d:\d\d, trying again\./).waitFor();
  await page.getByRole("status").filter({ hasText: "No connection" }).waitFor();
  assert.equal(await page.locator(".page.old").count(), 1);
  fake.isReachable = true;
  await page.getByText("No connection since").waitFor({ state: "detached" });
  await page.getByText("Enforcing").waitFor();
  const again = fake.requests.filter((one) => one.startsWith("GET /events?after="));
  assert.ok(again.length > 0, "it asks for what came after its newest row");
});

pageTest("a pfw that stops says so, and another one is begun with anew", {
  expected: GONE,
}, async ({ page, view, fake }) => {
  await view("log");
  await page.locator(".log-table tbody tr").nth(3).waitFor();
  fake.send("bye", { kept: false });
  await page.getByText(/pfw stopped at .* Nothing is enforced any more\. Trying again/).waitFor();
  // Nothing is green of what was all right before.
  await page.evaluate("location.hash = '#/health'");
  await page.getByText("All in place").waitFor();
  await until(
    page,
    "getComputedStyle(document.querySelector('.tag-good')).filter === 'grayscale(1)'",
  );
  await page.evaluate("location.hash = '#/log'");
  fake.instance = "second";
  fake.cut();
  await page.getByText("Enforcing").waitFor();
  await page.locator(".log-table tbody tr").nth(3).waitFor();
  assert.match(fake.requests.findLast((one) => one.startsWith("GET /events"))!, /events$/);
});

pageTest("lists that were opened without an answer have one when pfw is back", {
  expected: /status of 503|ERR_|EventSource/,
}, async ({ page, view, fake }) => {
  await view("");
  fake.send("bye", { kept: false });
  fake.isReachable = false;
  fake.cut();
  await page.getByRole("link", { name: "Lists", exact: true }).click();
  await page.getByText("pfw answered with status 503").first().waitFor();
  fake.isReachable = true;
  fake.instance = "second";
  await page.getByText("621 entries").waitFor();
  await page.getByText("pfw answered with status 503").waitFor({ state: "detached" });
});

pageTest("an explanation is asked for by its form", {
  expected: /status of 422/,
}, async ({ page, view, fake }) => {
  await view("explain");
  await page.getByLabel("Address of the other end").fill("198.51.100.1");
  await page.getByText("We connect to it").click();
  await page.getByLabel("Protocol").selectOption("TCP");
  await page.getByLabel("Port").fill("25");
  await page.keyboard.press("Enter");
  await page.getByText("Allowed", { exact: true }).waitFor();
  await page.getByText("decides: allow").waitFor();
  const asked = fake.requests.findLast((one) => one.startsWith("POST /explain"))!;
  assert.match(asked, /"direction":"out","protocol":"tcp","port":25/);
  await page.reload();
  await page.getByText("decides: allow").waitFor();
  await page.getByLabel("Address of the other end").fill("nobody");
  await page.keyboard.press("Enter");
  await page.getByText('"nobody" is not one IP address').first().waitFor();
});

pageTest(
  "losses and changes by others are told of",
  { hasTrouble: true },
  async ({ page, view }) => {
    await view("health");
    await page.getByText("Something was lost").waitFor();
    await page.getByText("iptables: chain PFW-IN was emptied").waitFor();
    await page.getByText("chain PFW-IN is not called from INPUT").waitFor();
    await page.getByText("The database fails: disk is full").waitFor();
    await page.getByRole("link", { name: /Health/ }).getByText("needs a look").waitFor();
  },
);

pageTest("what cannot be asked says why", { expected: /status of 500/ }, async ({ page, view }) => {
  await page.route("**/api/threats", (route) =>
    route.fulfill({
      status: 500,
      json: { error: "cannot list feeds: the disk is full", code: "failed" },
    }));
  await view("feeds");
  await page.getByText("This could not be asked: cannot list feeds: the disk is full").waitFor();
});
