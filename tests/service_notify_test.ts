import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { monotonicMicroseconds, unixAddress } from "../ffi/notify_socket.ts";
import { ServiceNotifier } from "../engine/service_notify.ts";
import { NotifyListener } from "./support/notify_listener.ts";

/** The environment of a service, and what is left of it. */
function environment(values: Record<string, string>) {
  return new Map(Object.entries(values));
}

async function withListener(
  name: (directory: string) => string,
  run: (listener: NotifyListener) => void,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "pfw-notify-" });
  try {
    using listener = new NotifyListener(name(directory));
    run(listener);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

// libc stays open for the life of the process.
const options = { sanitizeResources: false };

for (
  const [kind, name] of [
    ["a path", (directory: string) => `${directory}/notify`],
    ["an abstract name", (directory: string) => `@${directory}/notify`],
  ] as const
) {
  Deno.test(
    `service: ready, reloading, stopping reach ${kind}`,
    options,
    () =>
      withListener(name, (listener) => {
        const env = environment({ NOTIFY_SOCKET: listener.path, WATCHDOG_USEC: "30000000" });
        using notifier = ServiceNotifier.fromEnvironment(env);
        equal(env.size, 0, "programs that pfw runs must not speak for it");
        equal(notifier.isListenedTo, true);
        deepEqual(listener.received(), [], "nothing before it is ready");
        notifier.ready("default allow,\n 1 rule");
        notifier.reloading();
        notifier.stopping();
        const [ready, reloading, stopping] = listener.received();
        equal(ready, "READY=1\nSTATUS=default allow, 1 rule");
        match(reloading, /^RELOADING=1\nMONOTONIC_USEC=\d+$/);
        equal(stopping, "STOPPING=1");
      }),
  );
}

Deno.test(
  "service: signs of life at half of the time that is waited",
  options,
  () =>
    withListener((directory) => `${directory}/notify`, (listener) => {
      const env = environment({
        NOTIFY_SOCKET: listener.path,
        WATCHDOG_USEC: "30000000",
        WATCHDOG_PID: String(Deno.pid),
      });
      using notifier = ServiceNotifier.fromEnvironment(env);
      for (let now = 1000; now < 61_000; now += 100) notifier.alive(now);
      deepEqual(listener.received(), Array(4).fill("WATCHDOG=1"));
    }),
);

Deno.test(
  "service: no sign of life where nobody waits for one, or for another process",
  options,
  () =>
    withListener((directory) => `${directory}/notify`, (listener) => {
      for (
        const more of [{}, { WATCHDOG_USEC: "9000", WATCHDOG_PID: "1" }, { WATCHDOG_USEC: "x" }]
      ) {
        const env = environment({
          NOTIFY_SOCKET: listener.path,
          ...more as Record<string, string>,
        });
        using notifier = ServiceNotifier.fromEnvironment(env);
        for (let now = 0; now < 100_000; now += 1000) notifier.alive(now);
      }
      deepEqual(listener.received(), []);
    }),
);

Deno.test(
  "service: what the manager has no room for is sent when it has",
  options,
  () =>
    withListener((directory) => `${directory}/notify`, (listener) => {
      using notifier = ServiceNotifier.fromEnvironment(
        environment({ NOTIFY_SOCKET: listener.path }),
      );
      // A queue holds net.unix.max_dgram_qlen datagrams; this is far more.
      for (let at = 0; at < 5000; at++) notifier.status(`status ${at}`);
      notifier.ready("now");
      const first = listener.received().join("\n");
      notifier.alive(1);
      const then = listener.received().join("\n");
      equal(`${first}\n${then}`.match(/READY=1/g)?.length, 1);
      ok(then.length < 8192, "what waits is bounded");
    }),
);

Deno.test("service: without a manager, or with one that is gone, nothing happens", options, () => {
  for (const path of [undefined, "", "/nonexistent/notify", "@", "x".repeat(200)]) {
    const env = environment(path === undefined ? {} : { NOTIFY_SOCKET: path });
    using notifier = ServiceNotifier.fromEnvironment(env);
    notifier.ready("a");
    notifier.reloading();
    notifier.alive();
    notifier.stopping();
  }
});

Deno.test("service: names of Unix sockets as sockaddr_un", () => {
  deepEqual([...unixAddress("/a")], [1, 0, 0x2f, 0x61, 0]);
  deepEqual([...unixAddress("@a")], [1, 0, 0, 0x61]);
  throws(() => unixAddress(""), RangeError);
  throws(() => unixAddress(`/${"a".repeat(107)}`), RangeError);
  equal(unixAddress(`/${"a".repeat(106)}`).length, 110);
});

Deno.test("service: the clock is the one of the boot", options, () => {
  const uptime = parseFloat(Deno.readTextFileSync("/proc/uptime"));
  const seconds = Number(monotonicMicroseconds()) / 1e6;
  // Uptime also counts time in sleep.
  ok(seconds > 0 && seconds < uptime + 1, `${seconds} of ${uptime}`);
});
