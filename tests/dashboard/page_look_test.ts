/** How the page looks, what it weighs, and that foreign text stays text. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { HOSTILE_TEXT } from "./fake_api.ts";
import { closeBrowserAfterAll, pageTest, until } from "./page_browser.ts";

closeBrowserAfterAll();

const VIEWS = [
  "",
  "log",
  "rules",
  "lists",
  "bans",
  "feeds",
  "explain?address=203.0.113.77",
  "health",
];

/** Bytes over the wire that a page may have. */
const MOST_BYTES = 150_000;

pageTest("foreign text is shown as text, with nothing hidden in it", {
  hostileText: HOSTILE_TEXT,
  wouldCut: true,
  hasTrouble: true,
  expected: /status of 409/,
}, async ({ page, view, fake }) => {
  for (const hash of VIEWS) {
    await view(hash);
    await page.locator("main .card").first().waitFor();
    // Lists hold addresses alone.
    if (hash === "lists") continue;
    await page.locator(".foreign", { hasText: "<script>alert(2)" }).first().waitFor();
    const injected = await page.locator("main img, main script, #page iframe").count();
    assert.equal(injected, 0, hash);
    const text = await page.locator("body").innerText();
    for (const hidden of ["\u202E", "\u200B", "\u0007"]) assert.ok(!text.includes(hidden), hash);
    assert.ok(text.includes("⟨U+202E⟩gnp.exe⟨U+0007⟩⟨U+200B⟩"), hash);
  }
  await view("rules");
  await page.getByRole("switch", { name: /^Rule 1/ }).click();
  await page.getByRole("alertdialog").getByText("<script>alert(2)").waitFor();
  await page.keyboard.press("Escape");
  fake.send("changed", { what: ["config"], notice: HOSTILE_TEXT });
  await page.locator(".toast", { hasText: "<script>" }).waitFor();
});

for (const width of [360, 1_280, 2_560]) {
  pageTest(`no view is wider than ${width} pixels`, {
    hostileText: HOSTILE_TEXT,
    hasTrouble: true,
    browser: { viewport: { width, height: 800 } },
  }, async ({ page, view }) => {
    for (const hash of VIEWS) {
      await view(hash);
      await page.locator("main .card").first().waitFor();
      const beyond = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      assert.equal(beyond, 0, `${hash || "overview"} scrolls sideways`);
    }
  });
}

for (const [width, rows] of [[320, "2 2 1"], [512, "2 2 1"], [800, "4 1"]] as const) {
  pageTest(`at ${width} pixels neither a figure nor a button stands alone`, {
    browser: { viewport: { width, height: 800 } },
  }, async ({ page, view }) => {
    await view("");
    await page.locator(".figure").nth(4).waitFor();
    const tops = (selector: string) =>
      page.locator(selector).evaluateAll((all) =>
        all.map((one) => Math.round(one.getBoundingClientRect().top))
      );
    const byRow = Map.groupBy(await tops(".figure"), (top) => top);
    assert.equal([...byRow.values()].map(({ length }) => length).join(" "), rows);
    const [mode, theme] = await tops(".header button");
    assert.ok(Math.abs(mode - theme) < 10, "the buttons stand side by side");
  });
}

pageTest("it is light or dark as the system is, or as somebody chose", {
  browser: { colorScheme: "dark" },
}, async ({ page, view }) => {
  const ground = (colour: string) =>
    until(page, `getComputedStyle(document.documentElement).backgroundColor === "${colour}"`);
  const dark = "rgb(13, 18, 24)", light = "rgb(243, 245, 248)";
  await view("");
  await ground(dark);
  await page.emulateMedia({ colorScheme: "light" });
  await ground(light);
  await page.getByRole("button", { name: /^Colours as the system/ }).click();
  await page.getByRole("button", { name: /^Light colours/ }).click();
  await page.getByRole("button", { name: /^Dark colours/ }).waitFor();
  await ground(dark);
  await page.reload();
  await page.getByRole("button", { name: /^Dark colours/ }).waitFor();
  await ground(dark);
});

pageTest(
  "everything is reached by keyboard, and each place is told",
  {},
  async ({ page, view }) => {
    await view("");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.textContent"), "Skip to the content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate("document.activeElement.id"), "content");
    await page.getByRole("link", { name: "Log", exact: true }).first().focus();
    await page.keyboard.press("Enter");
    await page.getByRole("main", { name: "Log" }).waitFor();
    await page.locator("main:focus").waitFor();
    const unnamed = await page.evaluate(`[...document.querySelectorAll("button, a, input, select")]
    .filter((one) => !one.closest("[hidden]") && !one.textContent.trim() &&
      !one.getAttribute("aria-label") && !one.labels?.length).map((one) => one.outerHTML)`);
    assert.deepEqual(unnamed, []);
  },
);

for (const width of [360, 1_280]) {
  pageTest(`nothing that stays hides what has the focus, ${width} pixels wide`, {
    browser: { viewport: { width, height: 400 } },
  }, async ({ page, view }) => {
    await view("rules");
    const first = page.getByRole("button", { name: "Move rule 1, " });
    const { y: from } = (await first.boundingBox())!;
    await page.evaluate(`scrollTo(0, ${from - 5})`);
    await first.focus();
    const { y } = (await first.boundingBox())!;
    const edge = await page.evaluate<number>(`Math.max(
      ...[...document.querySelectorAll(".header, .navigation")]
        .filter((one) => getComputedStyle(one).position === "sticky" && one.offsetHeight < 100)
        .map((one) => one.getBoundingClientRect().bottom))`);
    assert.ok(y >= edge, `${y} is above ${edge}`);
    // What stays is in sight already: no reason to scroll.
    const scrolled = await page.evaluate<number>("scrollY");
    await page.getByRole("link", { name: "Overview", exact: true }).focus();
    assert.equal(await page.evaluate("scrollY"), scrolled);
  });
}

pageTest("an address is large enough for a finger", {
  browser: { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true },
}, async ({ page, view }) => {
  await view("log");
  const { height } = (await page.locator(".log-table .address").first().boundingBox())!;
  assert.ok(height >= 24, `${height} pixels`);
});

pageTest("an empty firewall says what is, and what to do", { isEmpty: true }, async (
  { page, view },
) => {
  await view("");
  await page.getByText("Nobody was blocked yet.").waitFor();
  await page.getByText("There are no rules.").waitFor();
  await view("bans");
  await page.getByText("Nobody is banned.").waitFor();
  await view("feeds");
  await page.getByText("No feeds are configured.").waitFor();
  await view("lists");
  await page.getByText("Nobody is on the blacklist.").waitFor();
});

pageTest("it is light to load", {}, async ({ page, fake }) => {
  const files: string[] = [], sizes: Promise<number>[] = [];
  page.on("response", (response) => {
    if (response.url().includes("/api/")) return;
    files.push(new URL(response.url()).pathname);
    sizes.push(response.body().then((body) => gzipSync(body).length));
  });
  await page.goto(fake.address);
  await page.getByText("Enforcing").waitFor();
  const foreign = files.filter((file) => !/^\/(dashboard\.\w+)?$/.test(file));
  assert.deepEqual(foreign, []);
  const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  console.log(`    the page weighs ${bytes.toLocaleString("en-US")} bytes, compressed`);
  assert.ok(bytes < MOST_BYTES, `${bytes} bytes`);
});

pageTest("it draws on under heavy traffic", { isBusy: true, packets: 48_000 }, async (
  { page, view },
) => {
  for (const hash of ["", "log"]) {
    await view(hash);
    await page.locator(".log-table tbody tr").nth(10).waitFor();
    const frames = await page.evaluate<number>(`new Promise((done) => {
      let count = 0;
      const begin = performance.now();
      const next = (now) => {
        count++;
        if (now - begin < 2000) requestAnimationFrame(next);
        else done(count / (now - begin) * 1000);
      };
      requestAnimationFrame(next);
    })`);
    console.log(`    ${hash || "overview"}: ${frames.toFixed(0)} frames a second`);
    assert.ok(frames > 0, `${frames} frames a second`);
  }
});
