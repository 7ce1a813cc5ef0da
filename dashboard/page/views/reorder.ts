/** Moving a row of a list: by dragging its handle, or with the keyboard. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { say } from "../parts/notices.ts";

/** A row on its way. */
export interface Lifted {
  /** Where it was, from 0. */
  readonly from: number;
  /** Where it would be put. */
  readonly to: number;
}

/** What the handle of a row has to do. */
export interface Handle {
  onPointerDown(event: PointerEvent): void;
  onKeyDown(event: KeyboardEvent): void;
  onBlur(): void;
}

/** The rows, and what to call them when a screen reader is told of them. */
export interface ReorderOptions {
  /** One for each row, in their order. */
  readonly keys: readonly string[];
  nameOf(index: number): string;
  move(from: number, to: number): void;
}

/** Keeps track of the one row that is on its way. */
export function useReorder({ keys, nameOf, move }: ReorderOptions) {
  const count = keys.length;
  const [lifted, setLifted] = useState<Lifted | null>(null);
  // Handlers of the pointer outlive a rendering.
  const present = useRef<Lifted | null>(null);
  const list = useRef<HTMLTableSectionElement>(null);
  const put = (value: Lifted | null) => {
    present.current = value;
    setLifted(value);
  };
  // What was lifted may stand elsewhere by now, or nowhere.
  useLayoutEffect(() => {
    if (!present.current) return;
    put(null);
    say("The list changed meanwhile: nothing was moved");
  }, [keys.join()]);
  const drop = () => {
    const { current } = present;
    put(null);
    if (current && current.from !== current.to) move(current.from, current.to);
  };
  const cancel = (index: number) => {
    put(null);
    say(`${nameOf(index)} stays in place ${index + 1}`);
  };
  const handleOf = (index: number): Handle => ({
    onPointerDown: (event) => drag(event, index, list.current!, put, () => present.current, drop),
    onBlur: () => {
      if (present.current && present.current.from === index) put(null);
    },
    onKeyDown: (event) => {
      const current = present.current?.from === index ? present.current : null;
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        if (current) return drop();
        put({ from: index, to: index });
        say(
          `${nameOf(index)} lifted, place ${index + 1} of ${count}. ` +
            "Arrow keys move it, Enter puts it down, Escape leaves it.",
        );
      } else if (event.key === "Escape" && current) {
        event.preventDefault();
        cancel(index);
      } else if (current && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
        event.preventDefault();
        const step = event.key === "ArrowUp" ? -1 : 1;
        const to = Math.max(0, Math.min(count - 1, current.to + step));
        put({ from: index, to });
        say(`Place ${to + 1} of ${count}`);
      }
    },
  });
  return { lifted, list, handleOf };
}

/** Follows the pointer until it is let go. */
function drag(
  event: PointerEvent,
  index: number,
  list: HTMLElement,
  put: (value: Lifted | null) => void,
  present: () => Lifted | null,
  drop: () => void,
): void {
  if (event.button !== 0) return;
  event.preventDefault();
  const handle = event.currentTarget as HTMLElement;
  handle.setPointerCapture(event.pointerId);
  put({ from: index, to: index });
  const ended = new AbortController();
  const { signal } = ended;
  const start = event.clientY;
  let y = start;
  const mark = () => {
    if (!present()) return ended.abort();
    const to = indexAt(list, Math.max(y, topOf(list)));
    if (to !== present()?.to) put({ from: index, to });
  };
  handle.addEventListener("pointermove", ({ clientY }) => {
    y = clientY;
    mark();
  }, { signal });
  // A pointer that is held still near an edge sends no events.
  const scroll = () => {
    if (signal.aborted) return;
    const step = scrollStep(list, start, y);
    if (step !== 0) {
      scrollBy(0, step);
      mark();
    }
    requestAnimationFrame(scroll);
  };
  requestAnimationFrame(scroll);
  const end = (action: () => void) => () => {
    ended.abort();
    action();
  };
  handle.addEventListener("pointerup", end(drop), { signal });
  // Whatever takes the pointer away: a cancelled touch, or the end of the handle.
  handle.addEventListener("lostpointercapture", end(() => put(null)), { signal });
}

/** Pixels from an edge of the window at which the page begins to scroll, and of a step at most. */
const EDGE = 60, STEP = 14;

/** How far the page scrolls now: towards the edge that the pointer went to, while rows are there. */
function scrollStep(list: HTMLElement, start: number, y: number): number {
  const { top, bottom } = list.getBoundingClientRect();
  const above = topOf(list) + EDGE - y, below = y - (innerHeight - EDGE);
  const step = (depth: number) => Math.ceil(Math.min(1, depth / EDGE) * STEP);
  if (above > 0 && y < start && top < topOf(list)) return -step(above);
  if (below > 0 && y > start && bottom > innerHeight) return step(below);
  return 0;
}

/** Where the rows can be seen from: below what stays at the top of the window. */
function topOf(list: HTMLElement): number {
  const { left } = list.getBoundingClientRect();
  const bar = document.elementFromPoint(left + 1, 1)?.closest(".header, .navigation");
  return bar ? bar.getBoundingClientRect().bottom : 0;
}

/** The row at a height of the window. */
function indexAt(list: HTMLElement, y: number): number {
  const rows = [...list.children];
  const at = rows.findIndex((row) => y < row.getBoundingClientRect().bottom);
  return at === -1 ? rows.length - 1 : at;
}

/** Tells rows apart wherever they stand: of those that share an id, by which of them it is. */
export function rowKeys(ids: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return ids.map((id) => {
    const before = seen.get(id) ?? 0;
    seen.set(id, before + 1);
    return `${id}-${before}`;
  });
}
