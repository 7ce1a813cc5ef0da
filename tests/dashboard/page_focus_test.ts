/** Where whoever works with the keyboard is after a change. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { closeBrowserAfterAll, pageTest } from "./page_browser.ts";

closeBrowserAfterAll();

/** Waits until what has that name has the focus. */
async function focused(page: Page, name: string): Promise<void> {
  await page.locator(`[aria-label="${name}"]:focus`).waitFor();
}

pageTest("a switch keeps the focus, and does nothing while it is busy", {}, async (open) => {
  const { page, fake, view } = open;
  const held = Promise.withResolvers<void>();
  await page.route("**/api/rules/toggle", async (route) => {
    await held.promise;
    await route.continue();
  });
  await view("rules");
  const toggle = page.getByRole("switch", { name: /^Rule 2/ });
  await toggle.focus();
  await page.keyboard.press("Space");
  await page.locator('[role="switch"][aria-disabled="true"]:focus').waitFor();
  await page.keyboard.press("Space");
  await page.getByRole("switch", { name: /^Rule 3/ }).dispatchEvent("click");
  held.resolve();
  await page.getByRole("switch", { name: /^Rule 2/, checked: false }).waitFor();
  await focused(page, "Rule 2, Block Telnet and SMB");
  assert.equal(fake.requests.filter((one) => one.startsWith("POST /rules/toggle")).length, 1);
});

pageTest("the focus is on a rule that was edited, and near one that was removed", {}, async (
  { page, view },
) => {
  await view("rules");
  await page.getByRole("button", { name: "Edit rule 2" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByLabel("Ports").fill("24");
  await page.keyboard.press("Enter");
  await focused(page, "Edit rule 2");

  await page.getByRole("button", { name: "Remove rule 2" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).press("Enter");
  await focused(page, "Move rule 1, Office may do everything");
});

pageTest(
  "the focus goes on to the next entry of a list, and to the view after the last",
  {},
  async (
    { page, fake, view },
  ) => {
    await view("lists");
    await page.getByRole("button", { name: "Remove 127.0.0.1 from the whitelist" }).focus();
    await page.keyboard.press("Enter");
    await focused(page, "Remove ::1 from the whitelist");
    await page.getByText("1 entry", { exact: true }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("Nobody is on the whitelist.").waitFor();
    await page.locator("main:focus").waitFor();
    assert.deepEqual(fake.state.lists.whitelist, []);
  },
);

pageTest("the form for a ban begins where something is to be typed", {}, async (open) => {
  const { page, view } = open;
  await view("bans");
  await page.getByRole("button", { name: "Ban", exact: true }).click();
  const form = page.getByRole("dialog");
  await form.locator("input.mono:focus").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "203.0.113.77", exact: true }).click();
  await page.getByRole("menuitem", { name: "Ban…" }).click();
  await form.locator('input[placeholder="by hand"]:focus').waitFor();
});

pageTest("the focus goes on to the next ban", {}, async ({ page, fake, view }) => {
  await view("bans");
  const [{ address }, next] = fake.state.bans;
  await page.getByRole("button", { name: `Lift the ban of ${address}` }).focus();
  await page.keyboard.press("Enter");
  await focused(page, `Lift the ban of ${next.address}`);
  assert.equal(fake.state.bans[0].address, next.address);
});
