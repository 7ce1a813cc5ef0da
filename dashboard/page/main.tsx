/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Starts the page. */
import { effect } from "@preact/signals";
import { render } from "preact";
import { errorText } from "./api.ts";
import { takePending } from "./change/pending.ts";
import { catchUpWhenSeen } from "./live/awake.ts";
import { startClock } from "./live/clock.ts";
import { keepConnected } from "./live/connection.ts";
import { overview } from "./live/resource.ts";
import { mode } from "./live/state.ts";
import { notify } from "./parts/notices.ts";
import { signIn, takeTokenFromAddress } from "./session.ts";
import { App } from "./shell/app.tsx";
import { followRoute } from "./shell/route.ts";
import { startTheme } from "./shell/theme.ts";

async function useToken(): Promise<void> {
  const token = takeTokenFromAddress();
  if (token === undefined) return;
  try {
    await signIn(token);
  } catch (error) {
    notify({ tone: "bad", text: errorText(error) });
  }
}

async function start(): Promise<void> {
  startTheme();
  await useToken();
  // An address with a token may also be opened where the page is open already.
  addEventListener("hashchange", useToken);
  followRoute();
  startClock();
  effect(() => {
    const answer = overview.value.value;
    if (!answer) return;
    mode.value = answer.status.mode;
    takePending(answer.pending);
  });
  keepConnected();
  catchUpWhenSeen();
  render(<App />, document.getElementById("page")!);
}

start();
