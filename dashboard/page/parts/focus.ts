/** Where the focus goes when the button that has it goes away: without it, to the top of the page. */

/** The same button of the row beside the one that is about to go. */
export function besideRow(button: HTMLElement): HTMLElement | null {
  const row = button.closest("li");
  const beside = row?.nextElementSibling ?? row?.previousElementSibling;
  if (!row || !beside) return null;
  return buttonsOf(beside)[buttonsOf(row).indexOf(button)] ?? null;
}

/** Moves the focus on from what went, unless it is elsewhere by now. */
export function moveOn(from: Element, to: HTMLElement | null): void {
  const { activeElement } = document;
  if (activeElement !== from && activeElement !== document.body) return;
  (to?.isConnected ? to : content())?.focus();
}

/** Moves the focus to one of many, once the page shows it; to the view where it is not there. */
export function focusNth(selector: string, index: number): void {
  requestAnimationFrame(() => {
    (document.querySelectorAll<HTMLElement>(selector)[index] ?? content())?.focus();
  });
}

function buttonsOf(row: Element): HTMLElement[] {
  return [...row.querySelectorAll("button")];
}

function content(): HTMLElement | null {
  return document.getElementById("content");
}
