/**
 * The part of CrowdSec's local API that a bouncer asks, on loopback: `decision_server.ts FILE`.
 * Who starts gets the file's decisions, who asks again gets none. Prints the port, then for every
 * request of a start the time at which it came, in milliseconds since 1970.
 */
const body = Deno.readFileSync(Deno.args[0]);
const headers = { "content-type": "application/json" };

const server = Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`port ${port}`),
}, ({ url }) => {
  const { pathname, searchParams } = new URL(url);
  const isStart = pathname === "/v1/decisions/stream" && searchParams.get("startup") === "true";
  if (isStart) console.log(`request ${Date.now()}`);
  return new Response(isStart ? body : '{"deleted":null,"new":null}', { headers });
});
await server.finished;
