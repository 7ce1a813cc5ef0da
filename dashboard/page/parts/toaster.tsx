/** Messages at the edge of the page, and the two places that a screen reader listens to. */
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icon.tsx";
import { dismiss, type Notice, notices, spoken } from "./notices.ts";
import { Told } from "./text.tsx";

/** Over everything, also over a dialog: as a popover it is in the browser's top layer. */
export function Toaster() {
  const element = useRef<HTMLDivElement>(null);
  const list = notices.value;
  useEffect(() => {
    const { current } = element;
    if (!current) return;
    if (current.matches(":popover-open")) current.hidePopover();
    if (list.length > 0) current.showPopover();
  }, [list]);
  return (
    <>
      <div class="toaster" popover="manual" ref={element}>
        {list.map((notice) => <Toast key={notice.id} notice={notice} />)}
      </div>
      <div class="unseen" role="status" aria-live="polite">
        <Latest of={list} isBad={false} />
      </div>
      <div class="unseen" role="alert" aria-live="assertive">
        <Latest of={list} isBad />
      </div>
      <div class="unseen" aria-live="assertive">{spoken.value}</div>
    </>
  );
}

/** The newest; the same text again is news by being another element. */
function Latest({ of, isBad }: { readonly of: readonly Notice[]; readonly isBad: boolean }) {
  const notice = of.findLast(({ tone }) => (tone === "bad") === isBad);
  return notice ? <span key={notice.id}>{notice.text}</span> : null;
}

function Toast({ notice }: { readonly notice: Notice }) {
  return (
    <div class="toast">
      <Told outcome={notice} />
      <button
        type="button"
        class="plain"
        aria-label="Dismiss this message"
        onClick={() => dismiss(notice.id)}
      >
        <Icon name="close" size={16} />
      </button>
    </div>
  );
}
