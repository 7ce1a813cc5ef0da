/**
 * What a browser keeps instead of the token: a cookie with an end, signed by the token. Nothing is
 * remembered of it here, so a page stays signed in when pfw starts anew.
 */
import { createHmac } from "node:crypto";
import { isSame } from "./token.ts";

/** Cookies know no ports: the name is to differ from those of other programs on this machine. */
export const SESSION_COOKIE = "pfw_session";

/** Seconds; half of it gone, and the next answer brings a new one. */
const LIFE = 7 * 86_400;

/** Makes and judges sessions. */
export class Sessions {
  readonly #token: string;
  readonly #isSecure: boolean;

  /** @param isSecure whether the dashboard speaks TLS: then the cookie goes nowhere else */
  constructor(token: string, isSecure: boolean) {
    this.#token = token;
    this.#isSecure = isSecure;
  }

  /** The value of `Set-Cookie` for a new session. */
  begin(now: number = Date.now()): string {
    const end = Math.floor(now / 1000) + LIFE;
    return this.#cookie(`${end}.${this.#sign(end)}`, LIFE);
  }

  /** The value of `Set-Cookie` that ends one. */
  end(): string {
    return this.#cookie("", 0);
  }

  /** What a request's `Cookie` header is worth; `old`: valid, and half of its life is gone. */
  judge(header: string | undefined, now: number = Date.now()): "none" | "valid" | "old" {
    for (const value of cookiesNamed(header ?? "", SESSION_COOKIE)) {
      const [end, signature, ...more] = value.split(".");
      if (more.length > 0 || signature === undefined || !/^\d{1,12}$/.test(end)) continue;
      const left = Number(end) - now / 1000;
      if (left <= 0 || left > LIFE || !isSame(signature, this.#sign(Number(end)))) continue;
      return left < LIFE / 2 ? "old" : "valid";
    }
    return "none";
  }

  #sign(end: number): string {
    return createHmac("sha256", this.#token).update(`dashboard session until ${end}`)
      .digest("base64url");
  }

  #cookie(value: string, seconds: number): string {
    const attributes = [`Max-Age=${seconds}`, "Path=/", "HttpOnly", "SameSite=Strict"];
    if (this.#isSecure) attributes.push("Secure");
    return [`${SESSION_COOKIE}=${value}`, ...attributes].join("; ");
  }
}

/** More than these in one header are not looked at. */
const MOST_COOKIES = 32;

function cookiesNamed(header: string, name: string): string[] {
  return header.split(";", MOST_COOKIES).map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`))
    .map((part) => part.slice(name.length + 1));
}
