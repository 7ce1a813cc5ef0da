/** An address: wherever it stands, it offers what can be done about it. */
import { signal } from "@preact/signals";
import { visible } from "../text/visible.ts";

/** A menu that is open: for which address, and the button that it belongs to. */
export interface OpenMenu {
  /** Of each opening: the same address may stand in many places. */
  readonly id: number;
  readonly address: string;
  readonly at: HTMLElement;
}

/** The only one. */
export const openMenu = signal<OpenMenu | null>(null);

let lastId = 0;

/** What looks like an address or a range; anything else is text and offers nothing. */
const ADDRESS = /^[0-9a-f.:]{2,45}(%[\w.-]{1,15})?(\/\d{1,3})?$/i;

/** An address as a button that opens its menu. */
export function Address({ address, port }: { address: string | null; port?: number | null }) {
  if (address === null) return <span class="quiet">unknown</span>;
  if (address === "*") return <span class="quiet" title="Many addresses share this row">many</span>;
  const end = port === undefined || port === null ? "" : <span class="port">:{port}</span>;
  if (!ADDRESS.test(address)) return <bdi class="foreign">{visible(address)}</bdi>;
  return (
    <span class={`address-end${address.length > 20 ? " is-long" : ""}`}>
      <button
        type="button"
        class="address"
        aria-haspopup="menu"
        title={address}
        onClick={(event) => openMenu.value = { id: ++lastId, address, at: event.currentTarget }}
      >
        {port !== undefined && port !== null && address.includes(":") ? `[${address}]` : address}
      </button>
      {end}
    </span>
  );
}
