/**
 * As much of HTTP/1.1 (RFC 9112) as one question to our own socket takes: to load and warm up a whole
 * client takes longer than the question.
 */

/** An answer as it came. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

const encoder = new TextEncoder(), decoder = new TextDecoder();

/** The bytes of a request after whose answer the server closes the connection. */
export function formatRequest(method: string, path: string, body: string): Uint8Array {
  const bytes = encoder.encode(body);
  const head = [
    `${method} ${path} HTTP/1.1`,
    "host: pfw",
    "connection: close",
    "content-type: application/json",
    `content-length: ${bytes.length}`,
  ];
  const start = encoder.encode(`${head.join("\r\n")}\r\n\r\n`);
  const request = new Uint8Array(start.length + bytes.length);
  request.set(start);
  request.set(bytes, start.length);
  return request;
}

/**
 * Reads everything that the server sent until it closed the connection.
 *
 * @throws Error where that is no whole answer
 */
export function parseAnswer(bytes: Uint8Array): HttpAnswer {
  const end = endOfHead(bytes);
  if (end < 0) throw new Error("the answer broke off");
  const [first, ...lines] = decoder.decode(bytes.subarray(0, end)).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})\b/.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new Error("the answer is not HTTP");
  const fields = new Map(lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  const rest = bytes.subarray(end + 4);
  const body = /\bchunked$/i.test(fields.get("transfer-encoding") ?? "")
    ? joinChunks(rest)
    : wholeBody(rest, fields.get("content-length"));
  return { status, body: decoder.decode(body) };
}

function endOfHead(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at;
  }
  return -1;
}

const CR = 0x0d, LF = 0x0a;

function wholeBody(rest: Uint8Array, length: string | undefined): Uint8Array {
  if (length === undefined) return rest;
  if (rest.length < Number(length)) throw new Error("the answer broke off");
  return rest.subarray(0, Number(length));
}

/** RFC 9112, section 7.1; extensions and trailers are left out. */
function joinChunks(rest: Uint8Array): Uint8Array {
  const body = new Uint8Array(rest.length);
  let length = 0, at = 0;
  for (;;) {
    const line = rest.indexOf(LF, at);
    const size = line < 0 ? NaN : parseInt(decoder.decode(rest.subarray(at, line)), 16);
    const start = line + 1;
    if (Number.isNaN(size) || start + size > rest.length) throw new Error("the answer broke off");
    if (size === 0) return body.subarray(0, length);
    body.set(rest.subarray(start, start + size), length);
    length += size;
    at = start + size + 2;
  }
}
