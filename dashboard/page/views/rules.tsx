/** The rules in their order, with what the kernel counted for each. */
import { useState } from "preact/hooks";
import type {
  ChangeDefault,
  ChangeIcmp,
  ChangeRule,
  ConfigView,
  MoveRule,
  RuleView,
  ToggleRule,
} from "../../contract.ts";
import { change, type ChangeOutcome } from "../change/change.ts";
import { overview } from "../live/resource.ts";
import { mode } from "../live/state.ts";
import { Choice, Switch, useAction } from "../parts/fields.tsx";
import { focusNth } from "../parts/focus.ts";
import { Icon } from "../parts/icon.tsx";
import { say } from "../parts/notices.ts";
import { Problem } from "../parts/problem.tsx";
import { Empty, Told } from "../parts/text.tsx";
import { visible } from "../text/visible.ts";
import { rowKeys, useReorder } from "./reorder.ts";
import { RuleForm } from "./rule_form.tsx";
import { RuleRow } from "./rule_row.tsx";

/** The view. */
export function Rules() {
  const config = overview.value.value?.config;
  if (!config) return <Problem of={overview} />;
  return (
    <>
      <Basics config={config} />
      <RuleList rules={config.rules} />
    </>
  );
}

/** What is decided apart from the list of rules. */
function Basics({ config }: { readonly config: ConfigView }) {
  const { default_policy, icmpBlocked, rate_limit } = config;
  const { isBusy, outcome, run } = useAction<ChangeOutcome>();
  return (
    <section class="card" aria-labelledby="basics-title">
      <header class="card-head">
        <h2 id="basics-title">Basics</h2>
      </header>
      <div class="basics">
        <div>
          <h3>Incoming ICMP (ping)</h3>
          <p class="hint">
            Blocks it by a rule in the first place. IPv6 keeps the messages that it needs.
          </p>
          <p class="switch-line">
            <Switch
              label="Block incoming ICMP"
              isOn={icmpBlocked}
              isBusy={isBusy}
              onSwitch={(blocked) =>
                run(() => change<ChangeIcmp>("/icmp", { blocked }, { toldIn: "view" }))}
            />
            <span class="quiet">{icmpBlocked ? "blocked" : "no such rule"}</span>
          </p>
        </div>
        <div>
          <h3>What no rule matches</h3>
          <p class="hint">
            The default policy. With “Block”, answers to your own connections pass.
          </p>
          <Choice
            label="Default policy"
            options={[["allow", "Allow"], ["block", "Block"]]}
            value={default_policy}
            onChoose={(action) =>
              run(() => change<ChangeDefault>("/default-policy", { action }, { toldIn: "view" }))}
          />
        </div>
        <div>
          <h3>Rate limit</h3>
          <p class="hint">New connections from one source. Set in the configuration file.</p>
          <p>
            {rate_limit.enabled
              ? `${rate_limit.connections} in ${rate_limit.seconds} s`
              : "switched off"}
          </p>
        </div>
      </div>
      <Told outcome={outcome} />
    </section>
  );
}

function RuleList({ rules }: { readonly rules: readonly RuleView[] }) {
  const [edited, setEdited] = useState<RuleView | "new" | null>(null);
  const { isBusy, outcome, run } = useAction<ChangeOutcome>();
  const toggle = ({ number, id }: RuleView, enabled: boolean) =>
    run(() => change<ToggleRule>("/rules/toggle", { number, id, enabled }, { toldIn: "view" }));
  const remove = async ({ number, id }: RuleView) => {
    const result = await run(() =>
      change<ChangeRule>("/rules/remove", { number, id }, { toldIn: "view" })
    );
    if (result?.done) focusHandle(Math.max(0, number - 2));
  };
  const move = async (from: number, to: number) => {
    const { number, id, rule } = rules[from];
    const result = await run(() =>
      change<MoveRule>("/rules/move", { number, id, to: to + 1 }, { toldIn: "view" })
    );
    say(`${visible(rule.name)} ${result?.done ? `is now rule ${to + 1}` : "was not moved"}`);
    if (result?.done) focusHandle(to);
  };
  const nameOf = (index: number) => visible(rules[index].rule.name);
  const keys = rowKeys(rules.map(({ id }) => id));
  const { lifted, list, handleOf } = useReorder({ keys, nameOf, move });
  return (
    <section class="card" aria-labelledby="rules-title">
      <header class="card-head">
        <h2 id="rules-title">Rules</h2>
        <button type="button" class="primary" onClick={() => setEdited("new")}>
          <Icon name="plus" size={16} /> New rule
        </button>
      </header>
      <p class="hint">
        The first rule that matches decides. Drag a rule by its handle, or press Enter on the handle
        and move it with the arrow keys.
        {mode.value === "monitor" && " pfw only monitors: the kernel counts nothing."}
      </p>
      <Told outcome={outcome} />
      {rules.length === 0
        ? <Empty title="There are no rules.">The default policy decides everything.</Empty>
        : (
          <div class="scroll">
            <table class="table rule-table">
              <RuleHead />
              <tbody ref={list}>
                {rules.map((rule, index) => (
                  <RuleRow
                    key={keys[index]}
                    rule={rule}
                    handle={handleOf(index)}
                    isBusy={isBusy}
                    drop={lifted && dropOf(index, lifted)}
                    onToggle={(enabled) => toggle(rule, enabled)}
                    onRemove={() => remove(rule)}
                    onEdit={() => setEdited(rule)}
                  />
                ))}
              </tbody>
            </table>
          </div>
        )}
      {edited && (
        <RuleForm
          rule={edited === "new" ? undefined : edited}
          rules={rules}
          onClose={() => setEdited(null)}
          onChanged={(number) => focusNth(".rule-table .rule-edit", number - 1)}
        />
      )}
    </section>
  );
}

function RuleHead() {
  return (
    <thead>
      <tr>
        <th scope="col">
          <span class="unseen">Move</span>
        </th>
        <th scope="col" class="number">No.</th>
        <th scope="col">Does</th>
        <th scope="col">Name</th>
        <th scope="col">Matches</th>
        <th scope="col" class="number">Packets</th>
        <th scope="col" class="number">Bytes</th>
        <th scope="col">On</th>
        <th scope="col">
          <span class="unseen">Edit, remove</span>
        </th>
      </tr>
    </thead>
  );
}

/** How a row is marked while one is on its way. */
function dropOf(index: number, { from, to }: { from: number; to: number }) {
  if (index === from) return "lifted";
  if (index !== to) return null;
  return to < from ? "before" : "after";
}

/** The focus goes with the rule that was moved. */
function focusHandle(index: number): void {
  focusNth(".rule-table .grip", index);
}
