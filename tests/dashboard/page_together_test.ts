/** What becomes of what a person does on the page while somebody else changes the same rules. */
import assert from "node:assert/strict";
import { closeBrowserAfterAll, lastRequest, pageTest } from "./page_browser.ts";

closeBrowserAfterAll();

pageTest("a change of somebody else ends a move", {}, async ({ page, fake, view }) => {
  await view("rules");
  const insert = async (name: string) => {
    const [{ rule }] = fake.state.rules;
    fake.state.rules.unshift({ rule: { ...rule, name }, packets: 0, bytes: 0 });
    fake.send("changed", { what: ["config"] });
    await page.getByRole("rowheader", { name }).waitFor();
  };
  const lifted = page.locator(".drop-lifted");
  const from = await page.getByRole("button", { name: /^Move rule 4/ }).boundingBox();
  const to = await page.getByRole("button", { name: /^Move rule 2/ }).boundingBox();
  await page.mouse.move(from!.x + 10, from!.y + 10);
  await page.mouse.down();
  await page.mouse.move(to!.x + 10, to!.y + 10, { steps: 5 });
  await lifted.waitFor();
  await insert("Inserted");
  await page.mouse.move(to!.x + 10, to!.y + 30, { steps: 5 });
  assert.equal(await lifted.count(), 0);
  await page.mouse.up();

  const last = page.getByRole("button", { name: /^Move rule 6/ });
  await last.focus();
  await page.keyboard.press("Enter");
  await page.getByText(/lifted, place 6 of 6/).waitFor();
  await insert("Once more inserted");
  await page.getByText("The list changed meanwhile: nothing was moved").waitFor();
  await page.locator('[aria-label^="Move rule 7"]:focus').waitFor();
  assert.equal(await lifted.count(), 0);
  assert.equal(fake.requests.some((one) => one.startsWith("POST /rules/move")), false);
});

pageTest(
  "other words leave a rule on or off as it is by then",
  {},
  async ({ page, fake, view }) => {
    await view("rules");
    await page.getByRole("button", { name: "Edit rule 2" }).click();
    const [, { rule }] = fake.state.rules;
    fake.state.rules[1] = { ...fake.state.rules[1], rule: { ...rule, enabled: false } };
    fake.send("changed", { what: ["config"] });
    const form = page.getByRole("dialog");
    await form.getByLabel("Ports").fill("24");
    await form.getByRole("button", { name: "Change the rule" }).click();
    await form.waitFor({ state: "detached" });
    assert.deepEqual(fake.state.rules[1].rule.ports, [24]);
    assert.equal(fake.state.rules[1].rule.enabled, false);
  },
);

pageTest("a switch says what it wants", {}, async ({ page, fake, view }) => {
  await view("rules");
  await page.getByRole("switch", { name: /^Rule 2/, checked: true }).click();
  await page.getByRole("switch", { name: /^Rule 2/, checked: false }).click();
  await page.getByRole("switch", { name: /^Rule 2/, checked: true }).waitFor();
  assert.equal((lastRequest(fake, "POST /rules/toggle") as { enabled: boolean }).enabled, true);
});
