/**
 * A process that does nothing but hand packets to detectors, so that every collection of garbage that
 * V8 reports (`--trace-gc`) is the start's or theirs. Argument: how many packets. Prints how many
 * sources were found.
 */
import { Detectors } from "../../engine/detect/detectors.ts";
import { Direction, ParsedPacket, Protocol, TcpFlag } from "../../engine/packet/packet.ts";
import { Moment } from "../../engine/policy/matcher.ts";
import { Reason } from "../../engine/policy/verdict.ts";
import { detection } from "./scene.ts";

/** Few enough packets each that nobody is found: what is found may be allocated. */
const SOURCES = 200_000;

const detectors = new Detectors(detection());
const packet = new ParsedPacket();
packet.family = 4;
packet.direction = Direction.incoming;
packet.destination0 = 0x0a000001;
packet.hasPorts = true;

/** One packet of many sources, of each kind in turn. */
function send(at: number): void {
  const kind = at % 4;
  packet.seconds = 1_700_000_000 + Math.floor(at / 100_000);
  packet.microseconds = (at % 100_000) * 10;
  packet.source0 = Math.imul(at % SOURCES, 0x9e3779b1);
  packet.sourcePort = 1024 + (at & 0x7fff);
  packet.protocol = kind === 3 ? Protocol.udp : Protocol.tcp;
  packet.hasTcpFlags = kind !== 3;
  packet.tcpFlags = kind === 1 ? TcpFlag.ack : TcpFlag.syn;
  packet.destinationPort = kind === 3 ? 1000 + (at & 1023) : 22;
  if (kind === 2) detectors.blocked(packet, Reason.rule);
  else detectors.seen(packet, kind === 1 ? Moment.completes : Moment.opens, at % 8 === 0);
}

const total = Number(Deno.args[0]);
for (let at = 0; at < total; at++) send(at);
console.log(detectors.take().length);
