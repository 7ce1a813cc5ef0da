/** Why there is no answer, or no newer one. Without a connection the banner says it for all. */
import type { Resource } from "../live/resource.ts";
import { link } from "../live/state.ts";
import { Empty, Told } from "./text.tsx";

/** Shown where the answer would be. */
export function Problem({ of }: { readonly of: Resource<unknown> }) {
  const text = of.error.value;
  if (text !== "" && link.value.kind === "live") {
    return <Told outcome={{ tone: "bad", text: `This could not be asked: ${text}` }} />;
  }
  return of.value.value === null ? <Empty title="Asking…" /> : null;
}
