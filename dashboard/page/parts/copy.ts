/** Puts text on the clipboard, also where the browser's clipboard needs https and there is none. */
import { notify } from "./notices.ts";

export async function copyText(text: string): Promise<void> {
  const isCopied = await navigator.clipboard?.writeText(text).then(() => true, () => false) ||
    copyOldWay(text);
  if (isCopied) notify({ tone: "good", text: `Copied ${text}.` });
  else notify({ tone: "bad", text: `The browser does not let this page copy. It is: ${text}` });
}

function copyOldWay(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } finally {
    area.remove();
  }
}
