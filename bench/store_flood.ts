/** From the kernel's drops under a flood to rows, through the whole running firewall. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createPair } from "../tests/support/netns.ts";
import { HOST_V4 } from "./captures.ts";
import { floodCapture } from "./flood_capture.ts";
import type { Settings } from "./harness.ts";
import { PfwHome } from "./pfw_under_test.ts";
import { MeasuredProcess } from "./process.ts";
import { HOST_HARDWARE_ADDRESS } from "./traffic.ts";

const FILE_PACKETS = 400_000;
/** Every second packet is from a listed address; some of the others try a port that is blocked. */
const PACKETS_PER_SECOND = 200_000;

/** What one flood came to. */
export interface Flooded {
  /** Packets that the kernel dropped, in all and per second. */
  readonly dropped: number;
  readonly rate: number;
  /** Drops whose report the kernel did not deliver: counted, but nobody knows of what. */
  readonly unreported: number;
  /** Drops that the rows tell of. */
  readonly told: number;
  readonly rows: number;
}

/** Floods an enforcing pfw for some seconds, ends it and adds up what its database holds. */
export async function floodOnce(settings: Settings, seconds: number): Promise<Flooded> {
  const { path } = floodCapture(settings, FILE_PACKETS);
  using home = new PfwHome(settings.directory, settings.blacklist.addresses);
  await using link = await createPair();
  const { local, remote } = link;
  await local.run(["ip", "link", "set", "veth-0", "address", HOST_HARDWARE_ADDRESS]);
  await local.run(["ip", "address", "replace", `${HOST_V4}/24`, "dev", "veth-0"]);
  const words = ["start", "--json", ...home.options];
  const inside = ["ip", "netns", "exec", local.name];
  await using pfw = new MeasuredProcess([...inside, ...settings.pfw.argv, ...words]);
  await pfw.printed(/pfw: ready/);
  await remote.run(
    ["tcpreplay", "-i", "veth-0", `--pps=${PACKETS_PER_SECOND}`, "-K", "--loop=0"]
      .concat(`--duration=${seconds}`, path),
  );
  const [json] = await pfw.end();
  const { totals, losses } = JSON.parse(json);
  const { rows, told } = rowsOf(join(home.directory, "data", "firewall.db"));
  const dropped = totals.blocked, unreported = losses.nflogLost;
  return { dropped, rate: dropped / seconds, unreported, told, rows };
}

function rowsOf(path: string): { rows: number; told: number } {
  using db = new DatabaseSync(path, { readOnly: true });
  const sums = db.prepare("SELECT count(*) AS rows, sum(hits) AS told FROM blocked_rows").get()!;
  return { rows: Number(sums.rows), told: Number(sums.told) };
}
