/**
 * Walks through JSON as it comes, holding one token and the way to it: a feed in JSON is never in
 * memory as a whole. The tokens are `@streamparser/json`'s; its parser is not used, for it keeps
 * the values of a record however large that is.
 */
import { Tokenizer, TokenType } from "@streamparser/json";
import { errorText } from "../../engine/errors.ts";
import { FeedError } from "../feed.ts";

/** A value that holds no others. */
export type JsonScalar = string | number | boolean | null;

/**
 * What is told of the document. A path is "" for the whole, `.name` added for a member and `[]` for
 * an item: `.data[].ipAddress`.
 */
export interface JsonVisitor {
  /** An object or array begins. */
  enter(path: string, isArray: boolean): void;
  /** It ends. */
  leave(path: string, isArray: boolean): void;
  scalar(path: string, value: JsonScalar): void;
}

/** Deeper nesting and longer paths are refused: no feed has them. */
const DEEPEST = 32;
/** A block of so many bytes without a token is refused: part of a text without end, or blanks. */
const LONGEST_SILENCE = 32_768;
const LONGEST_PATH = 256;

interface Container {
  readonly path: string;
  readonly isArray: boolean;
}

type Expected = "value" | "first value" | "key" | "first key" | "colon" | "comma" | "nothing";

/** Checks the grammar (RFC 8259) and calls the visitor; throws FeedError. */
export class JsonWalker {
  readonly #tokenizer = new Tokenizer();
  readonly #stack: Container[] = [];
  #expected: Expected = "value";
  #key = "";
  #tokens = 0;

  /** @param many several documents may follow each other, as in NDJSON */
  constructor(readonly visitor: JsonVisitor, readonly many: boolean) {
    this.#tokenizer.onToken = ({ token, value }) => this.#take(token, value);
  }

  /** The next bytes. */
  block(bytes: Uint8Array): void {
    const before = this.#tokens;
    try {
      this.#tokenizer.write(bytes);
    } catch (error) {
      if (error instanceof FeedError) throw error;
      const why = errorText(error).slice(0, 120);
      throw new FeedError(`is not valid JSON: ${why}`, { cause: error });
    }
    if (this.#tokens === before && bytes.length > LONGEST_SILENCE) {
      throw new FeedError(`has more than ${LONGEST_SILENCE} bytes of JSON in one value`);
    }
  }

  /** The text is over; throws where the document is not. */
  end(): void {
    let isOver = true;
    try {
      this.#tokenizer.end();
    } catch (error) {
      if (error instanceof FeedError) throw error;
      isOver = false; // in the middle of a token
    }
    isOver &&= this.#stack.length === 0 && (this.many || this.#expected === "nothing");
    if (!isOver) throw new FeedError("is cut off: its JSON does not end");
  }

  #take(token: TokenType, value: JsonScalar): void {
    this.#tokens++;
    switch (this.#expected) {
      case "nothing":
        throw new FeedError("is not valid JSON: more follows after its end");
      case "colon":
        if (token !== TokenType.COLON) throw misplaced(token);
        this.#expected = "value";
        return;
      case "comma":
        return this.#takeComma(token);
      case "key":
      case "first key":
        return this.#takeKey(token, value);
      default:
        return this.#takeValue(token, value);
    }
  }

  #takeComma(token: TokenType): void {
    const { isArray } = this.#stack[this.#stack.length - 1];
    if (token === TokenType.COMMA) this.#expected = isArray ? "value" : "key";
    else if (token === (isArray ? TokenType.RIGHT_BRACKET : TokenType.RIGHT_BRACE)) this.#leave();
    else throw misplaced(token);
  }

  #takeKey(token: TokenType, value: JsonScalar): void {
    if (token === TokenType.STRING) {
      this.#key = String(value);
      this.#expected = "colon";
    } else if (token === TokenType.RIGHT_BRACE && this.#expected === "first key") {
      this.#leave();
    } else {
      throw misplaced(token);
    }
  }

  #takeValue(token: TokenType, value: JsonScalar): void {
    switch (token) {
      case TokenType.LEFT_BRACE:
      case TokenType.LEFT_BRACKET:
        return this.#enter(token === TokenType.LEFT_BRACKET);
      case TokenType.STRING:
      case TokenType.NUMBER:
      case TokenType.TRUE:
      case TokenType.FALSE:
      case TokenType.NULL:
        this.visitor.scalar(this.#path(), value);
        return this.#afterValue();
      case TokenType.RIGHT_BRACKET:
        if (this.#expected === "first value") return this.#leave();
        throw misplaced(token);
      default:
        throw misplaced(token);
    }
  }

  /** The path of the value that comes. */
  #path(): string {
    const parent = this.#stack.at(-1);
    if (!parent) return "";
    const path = parent.isArray ? `${parent.path}[]` : `${parent.path}.${this.#key}`;
    if (path.length > LONGEST_PATH) throw new FeedError("has JSON with overlong names");
    return path;
  }

  #enter(isArray: boolean): void {
    const path = this.#path();
    if (this.#stack.length === DEEPEST) throw new FeedError("has JSON that is nested too deeply");
    this.#stack.push({ path, isArray });
    this.#expected = isArray ? "first value" : "first key";
    this.visitor.enter(path, isArray);
  }

  #leave(): void {
    const { path, isArray } = this.#stack.pop()!;
    this.visitor.leave(path, isArray);
    this.#afterValue();
  }

  #afterValue(): void {
    this.#expected = this.#stack.length > 0 ? "comma" : this.many ? "value" : "nothing";
  }
}

function misplaced(token: TokenType): FeedError {
  const name = TokenType[token].toLowerCase().replace("_", " ");
  return new FeedError(`is not valid JSON: a ${name} is out of place`);
}
