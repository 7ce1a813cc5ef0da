/** Answers that are asked for now and then, while a view that shows them is open. */
import { type Signal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { BansAnswer, Overview, StoredStats, ThreatsAnswer } from "../../contract.ts";
import { errorText, get } from "../api.ts";
import { link } from "./state.ts";

/** One answer, and why there is no newer one. */
export class Resource<Answer> {
  readonly value: Signal<Answer | null> = signal(null);
  readonly error: Signal<string> = signal("");
  /** Views that show it. */
  users = 0;
  readonly #path: string;
  #running: Promise<void> | undefined;
  #isStale = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Asks again; where a question is under way, once more after it, since it may be too old. */
  load(): Promise<void> {
    if (this.#running) this.#isStale = true;
    else this.#running = this.#ask().finally(() => this.#running = undefined);
    return this.#running!;
  }

  async #ask(): Promise<void> {
    do {
      this.#isStale = false;
      try {
        this.value.value = await get<Answer>(this.#path);
        this.error.value = "";
      } catch (error) {
        this.error.value = errorText(error);
      }
    } while (this.#isStale);
  }
}

export const overview: Resource<Overview> = new Resource("/overview");
export const summary: Resource<StoredStats> = new Resource("/summary");
export const bans: Resource<BansAnswer> = new Resource("/bans");
export const threats: Resource<ThreatsAnswer> = new Resource("/threats");

const ALL: readonly Resource<unknown>[] = [overview, summary, bans, threats];

/** Grows when everything may be different, for views that ask for what they show themselves. */
export const reloads = signal(0);

/** Asks for everything that is shown now. */
export function reloadShown(): void {
  reloads.value++;
  for (const resource of ALL) if (resource.users > 0) resource.load();
}

/** Loads an answer while a view is open: at once, and every so many seconds while somebody looks. */
export function useResource<Answer>(resource: Resource<Answer>, seconds: number): Answer | null {
  useEffect(() => {
    resource.users++;
    resource.load();
    const timer = setInterval(() => {
      if (!document.hidden && link.peek().kind === "live") resource.load();
    }, seconds * 1_000);
    return () => {
      resource.users--;
      clearInterval(timer);
    };
  }, [resource, seconds]);
  return resource.value.value;
}
