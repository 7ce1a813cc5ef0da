/** A pair of namespaces in which one end is the machine that a flood is sent to. */
import type { Link } from "../tests/support/netns.ts";
import { type Capture, HOST_V4 } from "./captures.ts";
import { MeasuredProcess } from "./process.ts";
import { HOST_HARDWARE_ADDRESS } from "./traffic.ts";

/** Gives this end the address that the flood is sent to. */
export async function asInTheCapture({ local }: Link): Promise<void> {
  await local.run(["ip", "link", "set", "veth-0", "address", HOST_HARDWARE_ADDRESS]);
  await local.run(["ip", "address", "replace", `${HOST_V4}/24`, "dev", "veth-0"]);
  // Answers go nowhere, as if to the router that the packets came through.
  await local.run(["ip", "route", "add", "default", "via", "10.9.0.2"]);
}

/** Sends a capture again and again for so many seconds, as fast as it goes or so many a second. */
export function sendFlood(
  { remote }: Link,
  file: Capture,
  seconds: number,
  packetsPerSecond?: number,
): MeasuredProcess {
  const inside = ["ip", "netns", "exec", remote.name, "tcpreplay", "-i", "veth-0"];
  const speed = packetsPerSecond === undefined ? "--topspeed" : `--pps=${packetsPerSecond}`;
  return new MeasuredProcess([
    ...inside,
    ...[speed, "-K", "--loop=0", `--duration=${seconds}`, file.path],
  ]);
}
