/** What was said already; bounded, the oldest is forgotten first. */
export class SaidOnce {
  readonly #said = new Set<string>();

  /** @param limit how many are remembered */
  constructor(private readonly limit: number) {}

  /** Whether that was not said yet; from now on it was. */
  isNew(key: string): boolean {
    if (this.#said.has(key)) return false;
    if (this.#said.size >= this.limit) this.#said.delete(this.#said.values().next().value!);
    this.#said.add(key);
    return true;
  }
}
