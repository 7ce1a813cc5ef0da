/** What who is not signed in sees. */
import { useEffect, useState } from "preact/hooks";
import { errorText, hasExpired } from "../api.ts";
import { overview } from "../live/resource.ts";
import { Field, useAction } from "../parts/fields.tsx";
import { Icon } from "../parts/icon.tsx";
import type { Outcome } from "../parts/notices.ts";
import { ToldAloud } from "../parts/text.tsx";
import { signIn, tokenIn } from "../session.ts";

/** Explains where the token is, and takes it. */
export function Login() {
  const [text, setText] = useState("");
  const { isBusy, outcome, run } = useAction<Outcome | void>();
  useEffect(() => {
    document.title = "Sign in · pfw";
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    run(() => enter(text));
  };
  return (
    <main class="login">
      <form class="card form" onSubmit={submit}>
        <h1>
          <Icon name="shield" size={26} /> pfw
        </h1>
        {hasExpired.value && (
          <p>
            <strong>The session has ended.</strong> Sign in once more.
          </p>
        )}
        <p>
          This page shows and changes a firewall, so it wants to know that it is you. Open the
          address that <code>pfw start --dashboard</code>{" "}
          printed; it holds the token. Or paste the token, or the whole address, here.
        </p>
        <Field label="Token">
          {(ids) => (
            <input
              {...ids}
              class="mono"
              type="password"
              required
              autocomplete="off"
              spellcheck={false}
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          )}
        </Field>
        <ToldAloud outcome={outcome ?? null} />
        <div class="buttons">
          <button type="submit" class="primary" aria-disabled={isBusy}>
            <Icon name="key" size={16} /> {isBusy ? "Signing in…" : "Sign in"}
          </button>
        </div>
      </form>
    </main>
  );
}

async function enter(text: string): Promise<Outcome | void> {
  try {
    await signIn(tokenIn(text));
    await overview.load();
  } catch (error) {
    return { tone: "bad", text: errorText(error) };
  }
}
