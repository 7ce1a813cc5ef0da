/** What an event's reason was about: a rule, a ban's cause, a feed. Events carry its number. */

/** One detail. */
export interface EventDetail {
  /** The rule's id (eight hex digits), or empty where the reason is not a rule. */
  readonly ruleId: string;
  /** The rule's name, the ban's cause or the feed's name; empty where the reason says it all. */
  readonly text: string;
}

const NONE: EventDetail = { ruleId: "", text: "" };

/** Long texts (a feed's, a rule's name) are cut here: they stand in every row's reason. */
const MAX_TEXT = 200;

/** More different details than this in the life of one process are told apart no longer. */
const MAX_DETAILS = 65_536;

/**
 * Details by number. Numbers stay valid as policies come and go, since events of an earlier policy
 * may still wait to be written.
 */
export class EventDetails {
  readonly #list: EventDetail[] = [NONE];
  readonly #numbers = new Map<string, number>([["\0", 0]]);

  /** The number of a detail; 0 is no detail, also once the table is full. */
  intern(ruleId: string, text: string): number {
    const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text;
    const key = `${ruleId}\0${cut}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    if (this.#list.length >= MAX_DETAILS) return 0;
    this.#list.push({ ruleId, text: cut });
    this.#numbers.set(key, this.#list.length - 1);
    return this.#list.length - 1;
  }

  /** How many there are, the one that is none among them. */
  get count(): number {
    return this.#list.length;
  }

  /** Those from a number on; whoever interns all of them in this order has the same numbers. */
  from(number: number): readonly EventDetail[] {
    return this.#list.slice(number);
  }

  /** The detail of a number; no detail for an unknown one. */
  at(number: number): EventDetail {
    return this.#list[number] ?? NONE;
  }
}
