/** What becomes of what a person does on the page while somebody else changes the same rules. */
import assert from "node:assert/strict";
import { closeBrowserAfterAll, pageTest } from "./page_browser.ts";

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
