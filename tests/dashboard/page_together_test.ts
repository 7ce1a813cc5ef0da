/** What becomes of what a person does on the page while somebody else changes the same rules. */
import assert from "node:assert/strict";
import type { ConfigRule } from "../../dashboard/contract.ts";
import type { FakeApi } from "./fake_api.ts";
import { closeBrowserAfterAll, lastRequest, type OpenPage, pageTest } from "./page_browser.ts";

closeBrowserAfterAll();

/** Somebody else puts a rule before all others. */
async function insert({ page, fake }: OpenPage, name: string): Promise<void> {
  const [{ rule }] = fake.state.rules;
  fake.state.rules.unshift({ rule: { ...rule, name }, packets: 0, bytes: 0 });
  fake.send("changed", { what: ["config"] });
  await page.locator(".rule-name", { hasText: name }).waitFor();
}

/** Somebody else gives rule 2 other words, or switches it. */
function changeSecond({ state }: FakeApi, changed: Partial<ConfigRule>): void {
  state.rules[1] = { ...state.rules[1], rule: { ...state.rules[1].rule, ...changed } };
}

pageTest("a change of somebody else ends a move", {}, async (open) => {
  const { page, fake, view } = open;
  await view("rules");
  const lifted = page.locator(".drop-lifted");
  const from = await page.getByRole("button", { name: /^Move rule 4/ }).boundingBox();
  const to = await page.getByRole("button", { name: /^Move rule 2/ }).boundingBox();
  await page.mouse.move(from!.x + 10, from!.y + 10);
  await page.mouse.down();
  await page.mouse.move(to!.x + 10, to!.y + 10, { steps: 5 });
  await lifted.waitFor();
  await insert(open, "Inserted");
  await page.mouse.move(to!.x + 10, to!.y + 30, { steps: 5 });
  assert.equal(await lifted.count(), 0);
  await page.mouse.up();

  const last = page.getByRole("button", { name: /^Move rule 6/ });
  await last.focus();
  await page.keyboard.press("Enter");
  await page.getByText(/lifted, place 6 of 6/).waitFor();
  await insert(open, "Once more inserted");
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

pageTest("the form for a rule follows it to another place", {}, async (open) => {
  const { page, fake, view } = open;
  await view("rules");
  await page.getByRole("button", { name: "Edit rule 2" }).click();
  await insert(open, "Inserted");
  const form = page.getByRole("dialog", { name: "Rule 3" });
  await form.getByLabel("Ports").fill("24");
  await form.getByRole("button", { name: "Change the rule" }).click();
  await form.waitFor({ state: "detached" });
  assert.deepEqual(fake.state.rules[2].rule.ports, [24]);
});

/** Opens the form for the second rule. */
async function editSecond({ page, view }: OpenPage) {
  await view("rules");
  await page.getByRole("button", { name: "Edit rule 2" }).click();
  const form = page.getByRole("dialog");
  const save = form.getByRole("button", { name: "Change the rule" });
  return { form, save };
}

pageTest("a rule that somebody else changed is shown, and saved over when asked again", {
  expected: /status of 409/,
}, async (open) => {
  const { fake } = open;
  const { form, save } = await editSecond(open);
  await form.getByLabel("Ports").fill("24");
  changeSecond(fake, { name: "Theirs", ports: [99] });
  await save.click();
  await form.getByText("Theirs blocks TCP to port 99, incoming by now").waitFor();
  await save.click();
  await form.waitFor({ state: "detached" });
  assert.deepEqual(fake.state.rules[1].rule.ports, [24]);
});

pageTest("a rule that somebody else removed is told of, and no other is changed", {
  expected: /status of 409/,
}, async (open) => {
  const { fake } = open;
  const { form, save } = await editSecond(open);
  fake.state.rules.splice(1, 1);
  const left = JSON.stringify(fake.state.rules);
  await save.click();
  await form.getByText("This rule is no longer there").waitFor();
  await save.click();
  await form.getByText("This rule is no longer there").waitFor();
  assert.equal(JSON.stringify(fake.state.rules), left);
});

pageTest("a new rule comes last, however many others there are by then", {}, async (open) => {
  const { page, fake, view } = open;
  await view("rules");
  await page.getByRole("button", { name: "New rule" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Name").fill("Mine");
  await insert(open, "Inserted");
  fake.state.rules.splice(0, 3);
  fake.send("changed", { what: ["config"] });
  await page.locator(".rule-name", { hasText: "Inserted" }).waitFor({ state: "detached" });
  assert.equal(await form.getByLabel("Place").inputValue(), "4");
  await form.getByRole("button", { name: "Add the rule" }).click();
  await form.waitFor({ state: "detached" });
  assert.equal(fake.state.rules.at(-1)!.rule.name, "Mine");
});
