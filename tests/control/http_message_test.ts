/** Questions to the socket, and what comes back. */
import { deepEqual, equal, throws } from "node:assert/strict";
import { formatRequest, parseAnswer } from "../../engine/control/http_message.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("http: an answer of a real server is read whole, long and in other letters", async () => {
  const directory = await Deno.makeTempDir({ prefix: "pfw-test-" });
  const path = `${directory}/socket`;
  const text = JSON.stringify({ text: "ü𝄞".repeat(50_000) });
  const stream = () => new Blob([text]).stream();
  const server = Deno.serve({ path, onListen: () => {} }, async (request) => {
    const asked = await request.text();
    const isChunked = new URL(request.url).pathname === "/chunked";
    return new Response(isChunked ? stream() : text + asked, { status: 422 });
  });
  try {
    for (const [way, asked] of [["/whole", '{"ä":1}'], ["/chunked", ""]]) {
      using connection = await Deno.connect({ transport: "unix", path });
      const request = formatRequest("POST", way, asked);
      for (let at = 0; at < request.length;) at += await connection.write(request.subarray(at));
      const pieces = await Array.fromAsync(connection.readable);
      deepEqual(parseAnswer(new Uint8Array(await new Blob(pieces).arrayBuffer())), {
        status: 422,
        body: text + asked,
      });
    }
  } finally {
    await server.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("http: an answer that broke off anywhere is no answer", () => {
  const answers = [
    "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n[1,2,3]",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n4;x=y\r\n2,3]\r\n0\r\n",
  ];
  for (const answer of answers) {
    deepEqual(parseAnswer(bytes(answer)), { status: 200, body: "[1,2,3]" });
    for (let end = 0; end < answer.length - 2; end++) {
      throws(() => parseAnswer(bytes(answer.slice(0, end))), /broke off/, answer.slice(0, end));
    }
  }
  equal(parseAnswer(bytes("HTTP/1.1 404 Not Found\r\n\r\n")).status, 404);
  throws(() => parseAnswer(bytes("SSH-2.0-OpenSSH\r\n\r\n")), /not HTTP/);
});
