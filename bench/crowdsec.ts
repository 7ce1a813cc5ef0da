/**
 * CrowdSec's bouncer with the decisions of a local API that knows nothing else: what lies between
 * a list and the kernel, without the engine that finds attackers.
 */
import { join } from "node:path";
import type { NetworkNamespace } from "../tests/support/netns.ts";
import { PeerRoom } from "./peers.ts";
import { MeasuredProcess, sleep } from "./process.ts";

/** Milliseconds between two looks into the kernel, and until it is given up. */
const POLL = 100, PATIENCE = 10 * 60_000;

const SET = ["ip", "crowdsec", "crowdsec-blacklists"];

/** Fills in what Debian's installation would, and logs where we can read it. */
const CONFIGURE = `cd /etc/crowdsec/bouncers
sed -e 's/\${BACKEND}/nftables/' -e 's/\${API_KEY}/bench/' -e 's/daemonize: true/daemonize: false/' \
-e 's/log_mode: file/log_mode: stdout/' -e "s|127.0.0.1:8080|127.0.0.1:$1|" \
crowdsec-firewall-bouncer.yaml > bench.yaml`;

/** The bouncer at work in a room of its own; `await using` ends it. */
export class Bouncer implements AsyncDisposable {
  private constructor(
    private readonly parts: AsyncDisposableStack,
    private readonly room: PeerRoom,
    private readonly api: MeasuredProcess,
    private readonly addresses: readonly string[],
  ) {}

  /** @param root where its package was unpacked */
  static async start(
    root: string,
    directory: string,
    namespace: NetworkNamespace,
    addresses: readonly string[],
  ): Promise<Bouncer> {
    await using parts = new AsyncDisposableStack();
    const file = join(directory, "decisions.json");
    Deno.writeTextFileSync(file, decisions(addresses));
    const script = join(import.meta.dirname!, "decision_server.ts");
    const inside = ["ip", "netns", "exec", namespace.name, Deno.execPath(), "run", "--quiet"];
    const api = parts.use(
      new MeasuredProcess([...inside, "--allow-net", "--allow-read", script, file]),
    );
    await api.printed(/port \d+/);
    const room = parts.use(await PeerRoom.open(root, namespace));
    await room.run(CONFIGURE, /port (\d+)/.exec(api.seen)![1]);
    const program = "crowdsec-firewall-bouncer";
    parts.use(room.start([program, "-c", `/etc/crowdsec/bouncers/bench.yaml`]));
    return new Bouncer(parts.move(), room, api, addresses);
  }

  /** Seconds from its request for the decisions until the kernel's set holds all of them. */
  async filled(): Promise<number> {
    await this.api.printed(/request \d+/);
    const requested = Number(/request (\d+)/.exec(this.api.seen)![1]);
    // The last one is cheap to ask for; all are counted only once it is there.
    const last = ["nft", "get", "element", ...SET, `{ ${this.addresses.at(-1)} }`];
    const end = Date.now() + PATIENCE;
    while (Date.now() < end) {
      const now = Date.now();
      if (this.room.succeeds(last) && await this.#count() >= this.addresses.length) {
        return (now - requested) / 1000;
      }
      await sleep(POLL);
    }
    throw new Error(`CrowdSec's bouncer has not enforced its decisions after ${PATIENCE} ms`);
  }

  async #count(): Promise<number> {
    const { out } = await this.room.run('nft list set "$@"', ...SET);
    return out.split(" expires ").length - 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.parts.disposeAsync();
  }
}

/** What `GET /v1/decisions/stream?startup=true` of CrowdSec's local API answers. */
function decisions(addresses: readonly string[]): string {
  const decision = (value: string, at: number) => ({
    duration: "167h59m57.641708614s",
    id: at + 1,
    origin: "CAPI",
    scenario: "crowdsecurity/ssh-bf",
    scope: "Ip",
    type: "ban",
    value,
  });
  return JSON.stringify({ deleted: null, new: addresses.map(decision) });
}
