/** One rule. */
import { useState } from "preact/hooks";
import type { RuleView } from "../../contract.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Switch } from "../parts/fields.tsx";
import { Icon } from "../parts/icon.tsx";
import { Foreign } from "../parts/text.tsx";
import { formatBytes, formatCount } from "../text/number.ts";
import { visible } from "../text/visible.ts";
import type { Handle } from "./reorder.ts";
import { DIRECTION_TEXTS, matchText } from "./rule_text.ts";

/** What can be done with a rule. */
export interface RuleRowProps {
  readonly rule: RuleView;
  readonly handle: Handle;
  readonly isBusy: boolean;
  readonly drop: "lifted" | "before" | "after" | null;
  onToggle(enabled: boolean): void;
  onRemove(): void;
  onEdit(): void;
}

/** A row of the table. */
export function RuleRow({ rule: view, handle, isBusy, drop, ...does }: RuleRowProps) {
  const { number, rule, packets, bytes } = view;
  const [isAsking, setAsking] = useState(false);
  const name = visible(rule.name);
  return (
    <tr class={`rule-row${rule.enabled ? "" : " rule-off"}${drop ? ` drop-${drop}` : ""}`}>
      <td class="rule-grip">
        <button
          type="button"
          class="plain grip"
          aria-label={`Move rule ${number}, ${name}`}
          aria-pressed={drop === "lifted" ? "true" : "false"}
          {...handle}
        >
          <Icon name="grip" />
        </button>
      </td>
      <td class="number rule-number">{number}</td>
      <td class="rule-action">
        <span class={`action action-${rule.action === "block" ? "blocked" : "allowed"}`}>
          <Icon name={rule.action === "block" ? "bans" : "check"} size={14} />
          {rule.action === "block" ? "Block" : "Allow"}
        </span>
      </td>
      <th scope="row" class="rule-name">
        <Foreign text={rule.name} />
      </th>
      <td class="rule-match">
        <Foreign text={matchText(rule)} />
        <span class="quiet">, {DIRECTION_TEXTS[rule.direction]}</span>
      </td>
      <td class="number rule-packets" data-label="packets">{formatCount(packets)}</td>
      <td class="number rule-bytes">{formatBytes(bytes)}</td>
      <td class="rule-switch">
        <Switch
          label={`Rule ${number}, ${name}`}
          isOn={rule.enabled}
          isBusy={isBusy}
          onSwitch={does.onToggle}
        />
      </td>
      <td class="rule-buttons">
        <button
          type="button"
          class="plain rule-edit"
          aria-label={`Edit rule ${number}`}
          onClick={does.onEdit}
        >
          <Icon name="edit" />
        </button>
        <button
          type="button"
          class="plain"
          aria-label={`Remove rule ${number}`}
          onClick={() => setAsking(true)}
        >
          <Icon name="trash" />
        </button>
        {isAsking && (
          <RemoveDialog
            view={view}
            onClose={() => setAsking(false)}
            onRemove={does.onRemove}
          />
        )}
      </td>
    </tr>
  );
}

function RemoveDialog(
  { view: { number, rule }, onClose, onRemove }: {
    readonly view: RuleView;
    onClose(): void;
    onRemove(): void;
  },
) {
  return (
    <Dialog title={`Remove rule ${number}?`} onClose={onClose}>
      <div class="form">
        <p>
          <Foreign text={rule.name} />: {rule.action === "block" ? "blocks" : "allows"}{" "}
          <Foreign text={matchText(rule)} />. To keep it for later, switch it off instead.
        </p>
        <div class="buttons">
          <button type="button" onClick={onClose}>Cancel</button>
          <button
            type="button"
            class="danger"
            onClick={() => {
              onClose();
              onRemove();
            }}
          >
            Remove
          </button>
        </div>
      </div>
    </Dialog>
  );
}
