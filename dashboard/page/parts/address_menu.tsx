/** The menu of an address: explain, ban, blacklist, whitelist, search the log, copy. */
import { useEffect, useRef } from "preact/hooks";
import type { ChangeList } from "../../contract.ts";
import { change } from "../change/change.ts";
import { banTarget } from "../change/ban_target.ts";
import { goTo } from "../shell/route.ts";
import { openMenu } from "./address.tsx";
import { copyText } from "./copy.ts";
import { Icon, type IconName } from "./icon.tsx";

interface Item {
  readonly icon: IconName;
  readonly text: string;
  act(address: string): unknown;
  /** Not for ranges. */
  readonly isForOne?: boolean;
}

const ITEMS: readonly Item[] = [
  {
    icon: "explain",
    text: "Explain",
    act: (address) => goTo("explain", { address }),
    isForOne: true,
  },
  { icon: "search", text: "Find in the log", act: (address) => goTo("log", { ip: address }) },
  { icon: "bans", text: "Ban…", act: (address) => banTarget.value = address },
  {
    icon: "lists",
    text: "Add to blacklist",
    act: (address) => change<ChangeList>("/lists/blacklist", { add: [address] }),
  },
  {
    icon: "shield",
    text: "Add to whitelist",
    act: (address) => change<ChangeList>("/lists/whitelist", { add: [address] }),
  },
  { icon: "copy", text: "Copy", act: copyText },
];

/** One menu for the whole page, in the browser's top layer. */
export function AddressMenu() {
  const open = openMenu.value;
  return open && <Menu key={open.id} address={open.address} at={open.at} />;
}

function Menu({ address, at }: { readonly address: string; readonly at: HTMLElement }) {
  const element = useRef<HTMLDivElement>(null);
  const close = () => {
    openMenu.value = null;
    if (at.isConnected) at.focus();
  };
  useEffect(() => {
    const menu = element.current!;
    menu.showPopover();
    place(menu, at);
    menu.querySelector("button")?.focus();
    const away = (event: Event) => {
      const isMine = openMenu.peek()?.at === at;
      if (isMine && (event as ToggleEvent).newState === "closed") openMenu.value = null;
    };
    menu.addEventListener("toggle", away);
    return () => menu.removeEventListener("toggle", away);
  }, []);
  const items = ITEMS.filter(({ isForOne }) => !isForOne || !address.includes("/"));
  return (
    <div
      class="menu"
      popover="auto"
      role="menu"
      aria-label={`What to do about ${address}`}
      ref={element}
      onKeyDown={(event) => moveFocus(event, element.current!, close)}
    >
      <p class="menu-title" aria-hidden="true">{address}</p>
      {items.map(({ icon, text, act }) => (
        <button
          key={text}
          type="button"
          role="menuitem"
          tabIndex={-1}
          onClick={() => {
            close();
            act(address);
          }}
        >
          <Icon name={icon} size={16} />
          {text}
        </button>
      ))}
    </div>
  );
}

/** Below its address, or above where there is no room; never past the edge. */
function place(menu: HTMLElement, at: HTMLElement): void {
  const anchor = at.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const below = anchor.bottom + 4;
  const top = below + height > innerHeight - 8 ? Math.max(8, anchor.top - height - 4) : below;
  menu.style.left = `${Math.max(8, Math.min(anchor.left, innerWidth - width - 8))}px`;
  menu.style.top = `${top}px`;
}

function moveFocus(event: KeyboardEvent, menu: HTMLElement, close: () => void): void {
  const items = [...menu.querySelectorAll("button")];
  const at = items.indexOf(document.activeElement as HTMLButtonElement);
  const targets: Record<string, number> = {
    ArrowDown: (at + 1) % items.length,
    ArrowUp: (at - 1 + items.length) % items.length,
    Home: 0,
    End: items.length - 1,
  };
  if (event.key in targets) items[targets[event.key]].focus();
  else if (event.key === "Escape" || event.key === "Tab") close();
  else return;
  event.preventDefault();
}
