/** The question that comes before a change that would cut off whoever looks at the page. */
import { signal } from "@preact/signals";
import type { ErrorAnswer } from "../../contract.ts";

/** `trial`: it returns by itself unless it is kept. */
export type CutChoice = "trial" | "force" | "cancel";

/** What is asked. */
export interface CutQuestion {
  readonly text: string;
  readonly cuts: NonNullable<ErrorAnswer["cuts"]>;
  readonly hasTrial: boolean;
}

/** The question that is open, with the way to answer it. */
export const openQuestion = signal<CutQuestion & { answer(choice: CutChoice): void } | null>(null);

/** Asks, and waits for the answer. */
export function askAboutCut(question: CutQuestion): Promise<CutChoice> {
  return new Promise((resolve) => {
    openQuestion.value = {
      ...question,
      answer(choice) {
        openQuestion.value = null;
        resolve(choice);
      },
    };
  });
}
