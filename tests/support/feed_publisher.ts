/** A publisher of feeds on the loopback of a namespace: it answers as it is told to. */
import { join } from "node:path";
import { type BackgroundProcess, type NetworkNamespace } from "./netns.ts";

/** Reads the answer to each path anew for each request: `<directory>/<path>.json`. */
const SERVER = `
import json, os, socket, ssl, sys, threading, time
directory, certificate = sys.argv[1], sys.argv[2]
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
context = None
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
def serve(client):
    try:
        if context:
            client = context.wrap_socket(client, server_side=True)
        request = b""
        while b"\\r\\n\\r\\n" not in request:
            data = client.recv(4096)
            if not data:
                return
            request += data
        path = request.split()[1].decode().lstrip("/")
        with open(os.path.join(directory, path + ".json")) as file:
            answer = json.load(file)
        body = b""
        if "body" in answer:
            with open(os.path.join(directory, answer["body"]), "rb") as file:
                body = file.read()
        head = "HTTP/1.1 %d X\\r\\nconnection: close\\r\\n" % answer["status"]
        for name, value in answer["headers"].items():
            head += "%s: %s\\r\\n" % (name, value)
        if answer["length"] >= 0:
            head += "content-length: %d\\r\\n" % answer["length"]
        client.sendall(head.encode() + b"\\r\\n")
        for _ in range(answer["times"]):
            client.sendall(body)
            time.sleep(answer["pause"])
        if context:
            client.unwrap()
    except OSError:
        pass
    finally:
        client.close()
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
`;

/** What is answered to every request for a path. */
export interface Answer {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent `times` times, with so many seconds after each. */
  readonly body: string | Uint8Array;
  readonly times?: number;
  readonly pause?: number;
  /** What `content-length` claims; default: nothing, the end of the connection is the body's. */
  readonly length?: number;
}

/** Runs until it is disposed of. */
export class FeedPublisher implements AsyncDisposable {
  #bodies = 0;

  private constructor(
    readonly directory: string,
    readonly port: number,
    private readonly process: BackgroundProcess,
    private readonly scheme: string,
  ) {}

  /** @param tls a certificate with its key, both as PEM; without: plain http */
  static async start(namespace: NetworkNamespace, tls = ""): Promise<FeedPublisher> {
    const directory = await Deno.makeTempDir({ prefix: "pfw-publisher-" });
    const certificate = tls ? join(directory, "certificate.pem") : "";
    if (tls) await Deno.writeTextFile(certificate, tls, { mode: 0o600 });
    const process = namespace.spawn(["python3", "-c", SERVER, directory, certificate]);
    const port = Number(await process.line());
    if (!port) throw new Error("the publisher did not start");
    return new FeedPublisher(directory, port, process, tls ? "https" : "http");
  }

  /** The address of a path. */
  url(path: string): string {
    return `${this.scheme}://${
      this.scheme === "https" ? "localhost" : "127.0.0.1"
    }:${this.port}/${path}`;
  }

  /** A feed of this publisher as the configuration names it. */
  feed(name: string, path = "feed"): Record<string, unknown> {
    return { name, url: this.url(path), allow_insecure: this.scheme === "http" };
  }

  /** From now on `path` is answered so; a text alone is the body. */
  publish(answer: Answer | string, path = "feed"): void {
    const { status = 200, headers = {}, body, times = 1, pause = 0, length = -1 } =
      typeof answer === "string" ? { body: answer } as Answer : answer;
    const name = `body-${this.#bodies++}`;
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    Deno.writeFileSync(join(this.directory, name), bytes);
    const file = join(this.directory, `${path}.json`);
    const told = { status, headers, body: name, times, pause, length };
    // Replaced whole: a request may come at any moment.
    Deno.writeTextFileSync(`${file}.new`, JSON.stringify(told));
    Deno.renameSync(`${file}.new`, file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}
