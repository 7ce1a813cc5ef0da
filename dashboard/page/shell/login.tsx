/** What who is not signed in sees. */
import { useState } from "preact/hooks";
import { errorText } from "../api.ts";
import { overview } from "../live/resource.ts";
import { Field } from "../parts/fields.tsx";
import { Icon } from "../parts/icon.tsx";
import type { Outcome } from "../parts/notices.ts";
import { ToldAloud } from "../parts/text.tsx";
import { signIn, tokenIn } from "../session.ts";

/** Explains where the token is, and takes it. */
export function Login() {
  const [text, setText] = useState("");
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await signIn(tokenIn(text));
      await overview.load();
    } catch (error) {
      setOutcome({ tone: "bad", text: errorText(error) });
    }
  };
  return (
    <main class="login">
      <form class="card form" onSubmit={submit}>
        <h1>
          <Icon name="shield" size={26} /> pfw
        </h1>
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
        <ToldAloud outcome={outcome} />
        <div class="buttons">
          <button type="submit" class="primary">
            <Icon name="key" size={16} /> Sign in
          </button>
        </div>
      </form>
    </main>
  );
}
