/** A question or a form over the page: the browser's own dialog, which keeps the focus inside. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon } from "./icon.tsx";

/** What a dialog shows. */
export interface DialogProps {
  readonly title: string;
  /** Also called for Escape. */
  onClose(): void;
  /** Something that must be answered is told to screen readers as such. */
  readonly isAlert?: boolean;
  readonly children: ComponentChildren;
}

/** Open as long as it is rendered; the focus returns to where it was. */
export function Dialog({ title, onClose, isAlert, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class="dialog"
      role={isAlert ? "alertdialog" : "dialog"}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header class="dialog-head">
        <h2 id={titleId}>{title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}
