/** Signing in: by the token in the address that pfw printed, or by one that is pasted. */
import type { LoginRequest } from "../contract.ts";
import { hasExpired, post, signedIn } from "./api.ts";

/** @throws ApiError for a wrong token */
export async function signIn(token: string): Promise<void> {
  await post<void>("/login", { token } satisfies LoginRequest);
  hasExpired.value = false;
  signedIn.value = true;
}

/** Has this browser forget the session. @throws ApiError */
export async function signOut(): Promise<void> {
  await post<void>("/logout");
  signedIn.value = false;
}

/** The token in what was pasted: the token alone, or the whole address. */
export function tokenIn(text: string): string {
  return /#token=([^&\s]+)/.exec(text)?.[1] ?? text.trim();
}

/**
 * The token in the page's own address, which is taken out of it: it must not stay in the history,
 * in a bookmark or in view of who looks over the shoulder.
 */
export function takeTokenFromAddress(): string | undefined {
  const token = /^#token=([^&]+)/.exec(location.hash)?.[1];
  if (token !== undefined) history.replaceState(null, "", location.pathname + "#/");
  return token;
}
