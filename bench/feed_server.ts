/**
 * Serves one file by HTTP on loopback: `feed_server.ts FILE`. Prints the port, then for every
 * request the time at which it came, in milliseconds since 1970.
 */
const body = Deno.readFileSync(Deno.args[0]);

const server = Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`port ${port}`),
}, () => {
  console.log(`request ${Date.now()}`);
  return new Response(body, { headers: { "content-type": "text/plain" } });
});
await server.finished;
