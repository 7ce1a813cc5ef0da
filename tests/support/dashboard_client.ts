/** Asks the dashboard of a running pfw, from outside its namespace: through the socket behind its gate. */
import { deepEqual, equal } from "node:assert/strict";
import { type IncomingMessage, request } from "node:http";
import { loadToken } from "../../dashboard/access/token.ts";
import { validateAnswer } from "../../dashboard/openapi.ts";
import type { RunningPfw } from "./running_pfw.ts";
import type { Sandbox } from "./sandbox.ts";

/** Any JSON. */
// deno-lint-ignore no-explicit-any
type Json = any;

/** Somebody who has the token. */
export class DashboardClient {
  private constructor(private readonly socketPath: string, readonly token: string) {}

  /** @param pfw was started with `--dashboard` */
  static async of({ paths }: Sandbox, pfw: RunningPfw): Promise<DashboardClient> {
    await pfw.waitFor(/dashboard at /);
    return new DashboardClient(`${paths.runDir}/dashboard.sock`, await loadToken(paths.dataDir));
  }

  /** Asks, and holds the answer to docs/openapi.json. */
  async ask(method: "GET" | "POST", path: string, body?: unknown): Promise<[number, Json]> {
    const incoming = await this.#send(method, `/api${path}`, body);
    let text = "";
    for await (const chunk of incoming.setEncoding("utf8")) text += chunk;
    const answer = text === "" ? undefined : JSON.parse(text), status = incoming.statusCode ?? 0;
    const problems = validateAnswer(method, `/api${path}`, status, answer);
    deepEqual(problems, [], `${method} ${path}: ${status} ${text.slice(0, 500)}`);
    return [status, answer];
  }

  /** The answer to a question that is answered. */
  async get(path: string): Promise<Json> {
    const [status, answer] = await this.ask("GET", path);
    equal(status, 200, JSON.stringify(answer));
    return answer;
  }

  /** The answer to a change that is made. */
  async change(path: string, body: unknown): Promise<Json> {
    const [status, answer] = await this.ask("POST", path, body);
    equal(status, 200, JSON.stringify(answer));
    return answer;
  }

  /** The text at a path outside of the API. */
  async text(path: string): Promise<string> {
    let text = "";
    for await (const chunk of (await this.#send("GET", path)).setEncoding("utf8")) text += chunk;
    return text;
  }

  /** Events as they come, until the other side ends or the reader leaves. */
  async *events(): AsyncGenerator<{ event: string; data: Json }> {
    const incoming = await this.#send("GET", "/api/events");
    let text = "";
    for await (const chunk of incoming.setEncoding("utf8")) {
      text += chunk;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const fields = Object.fromEntries(
          text.slice(0, end).split("\n").map((line) => line.split(/: (.*)/s, 2)),
        );
        text = text.slice(end + 2);
        yield { event: fields.event, data: JSON.parse(fields.data) };
      }
    }
  }

  #send(method: string, path: string, body?: unknown): Promise<IncomingMessage> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const headers = {
      host: "127.0.0.1:8787",
      authorization: `Bearer ${this.token}`,
      "content-length": new TextEncoder().encode(text).length,
    };
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath: this.socketPath, method, path, headers }, resolve);
      outgoing.on("error", reject);
      outgoing.end(text);
    });
  }
}
