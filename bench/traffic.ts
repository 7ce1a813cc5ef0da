/**
 * A model of what one machine sees: connections of very unequal popularity, opened by either side
 * and answered, and scanners, most of them listed, whom nobody answers.
 */
import { parsePrefix } from "../engine/net/address.ts";
import { Protocol, TcpFlag } from "../engine/packet/packet.ts";
import type { FrameFields } from "./frames.ts";
import type { Random } from "./random.ts";

/** Who takes part. */
export interface TrafficOptions {
  /** Pairs of machines that talk. */
  readonly flows: number;
  /** Scanners that a list names, IPv4 addresses as signed words. */
  readonly listed: Int32Array;
  /** This machine. */
  readonly hostV4: string;
  readonly hostV6: string;
  /** Leaves out what this machine sends: what its peers alone would send it. */
  readonly isIncomingOnly?: boolean;
}

/** The hardware address that the frames name as this machine's. */
export const HOST_HARDWARE_ADDRESS = "02:00:00:00:00:01";
const HOST_MAC = 1, ROUTER_MAC = 2;

const LISTED_SHARE = 0.035, SCANNER_SHARE = 0.01, IPV6_SHARE = 0.04, INCOMING_SHARE = 0.5;
const TCP_SHARE = 0.8, UDP_SHARE = 0.17;
/** Of a packet to be the last but three of its TCP connection, the last of a UDP exchange. */
const CLOSE_SHARE = 0.01, EXCHANGE_END_SHARE = 0.05;

/** Ports that this machine offers, that it uses elsewhere, and that scanners try. */
const OFFERED = [22, 80, 443, 443, 443, 8080, 5432, 25, 993];
const USED = [443, 443, 443, 443, 80, 22, 993, 8443];
const DATAGRAM = [53, 53, 443, 123, 51820];
const TRIED = [22, 23, 23, 445, 3389, 80, 8080, 5900, 2375, 6379];

/** One connection after another between the same two. */
interface Flow {
  readonly protocol: number;
  /** Four words of an address. */
  readonly opener: readonly number[];
  readonly answerer: readonly number[];
  readonly family: 4 | 6;
  readonly isIncoming: boolean;
  readonly isScan: boolean;
  openerPort: number;
  answererPort: number;
  /** Packets of the present connection so far; of one that closes, `CLOSING` and more. */
  step: number;
}

const CLOSING = 1 << 30;

/** An endless row of packets. */
export class Traffic {
  readonly #random: Random;
  readonly #options: TrafficOptions;
  readonly #hostV4: readonly number[];
  readonly #hostV6: readonly number[];
  readonly #flows: Flow[] = [];
  /** Sums of the flows' popularity, ascending. */
  readonly #popularity: Float64Array;

  constructor(options: TrafficOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#hostV4 = wordsOf(options.hostV4);
    this.#hostV6 = wordsOf(options.hostV6);
    this.#popularity = new Float64Array(options.flows);
    let total = 0;
    for (let at = 0; at < options.flows; at++) {
      this.#flows.push(this.#makeFlow());
      // Zipf's law, shifted so that no single one carries a tenth of everything.
      total += 1 / (at + 20);
      this.#popularity[at] = total;
    }
  }

  /** The next packet. */
  next(): FrameFields {
    for (;;) {
      const frame = this.#nextOf(this.#flows[this.#popularFlow()]);
      if (!this.#options.isIncomingOnly || frame.destinationMac === HOST_MAC) return frame;
    }
  }

  #popularFlow(): number {
    const sums = this.#popularity;
    const wanted = this.#random.share() * sums[sums.length - 1];
    let low = 0, high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle] <= wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #makeFlow(): Flow {
    const random = this.#random, { listed } = this.#options;
    const isListed = random.share() < LISTED_SHARE;
    const isScan = isListed || random.share() < SCANNER_SHARE;
    const family = !isListed && random.share() < IPV6_SHARE ? 6 : 4;
    const isIncoming = isScan || random.share() < INCOMING_SHARE;
    const host = family === 4 ? this.#hostV4 : this.#hostV6;
    const peer = isListed ? [listed[random.below(listed.length)], 0, 0, 0] : this.#peer(family);
    return {
      protocol: this.#protocol(family),
      opener: isIncoming ? peer : host,
      answerer: isIncoming ? host : peer,
      family,
      isIncoming,
      isScan,
      openerPort: 0,
      answererPort: 0,
      step: 0,
    };
  }

  #protocol(family: number): number {
    const share = this.#random.share();
    if (share < TCP_SHARE) return Protocol.tcp;
    if (share < TCP_SHARE + UDP_SHARE) return Protocol.udp;
    return family === 4 ? Protocol.icmp : Protocol.icmpv6;
  }

  /** An address of the outside world: 11.0.0.0 to 126.255.255.255, or in 2001:db8::/32. */
  #peer(family: number): number[] {
    const random = this.#random;
    if (family === 4) return [((11 + random.below(116)) << 24) | random.below(1 << 24), 0, 0, 0];
    return [0x20010db8, random.word(), random.word(), random.word()];
  }

  #nextOf(flow: Flow): FrameFields {
    if (flow.step === 0) this.#begin(flow);
    switch (flow.protocol) {
      case Protocol.tcp:
        return this.#nextTcp(flow);
      case Protocol.udp:
        return this.#nextUdp(flow);
      default:
        return this.#nextEcho(flow);
    }
  }

  #begin(flow: Flow): void {
    const random = this.#random, isUdp = flow.protocol === Protocol.udp;
    flow.openerPort = 32768 + random.below(28232);
    flow.answererPort = random.pick(
      flow.isScan ? TRIED : isUdp ? DATAGRAM : flow.isIncoming ? OFFERED : USED,
    );
  }

  #nextTcp(flow: Flow): FrameFields {
    const { syn, ack, fin, psh } = TcpFlag, random = this.#random;
    if (flow.isScan) return frameOf(flow, true, syn, 0);
    switch (flow.step++) {
      case 0:
        return frameOf(flow, true, syn, 0);
      case 1:
        return frameOf(flow, false, syn | ack, 0);
      case 2:
        return frameOf(flow, true, ack, 0);
      case CLOSING:
        return frameOf(flow, false, fin | ack, 0);
      case CLOSING + 1:
        flow.step = 0;
        return frameOf(flow, true, ack, 0);
    }
    if (random.share() < CLOSE_SHARE) {
      flow.step = CLOSING;
      return frameOf(flow, true, fin | ack, 0);
    }
    const payload = this.#tcpPayload();
    return frameOf(flow, random.share() < 0.4, payload > 0 ? ack | psh : ack, payload);
  }

  /** Half are bare acknowledgements, a fifth nearly full; most of the rest is short. */
  #tcpPayload(): number {
    const share = this.#random.share();
    if (share < 0.5) return 0;
    return share < 0.81 ? 20 + this.#random.below(400) : 1000 + this.#random.below(441);
  }

  #nextUdp(flow: Flow): FrameFields {
    const random = this.#random, isFromOpener = flow.step % 2 === 0;
    flow.step++;
    if (flow.isScan || (!isFromOpener && random.share() < EXCHANGE_END_SHARE)) flow.step = 0;
    return frameOf(flow, isFromOpener, 0, 20 + random.below(isFromOpener ? 200 : 800));
  }

  #nextEcho(flow: Flow): FrameFields {
    const isRequest = flow.step % 2 === 0;
    flow.step = flow.isScan ? 0 : flow.step + 1;
    const [request, reply] = flow.family === 4 ? [8, 0] : [128, 129];
    const frame = frameOf(flow, isRequest, 0, 56);
    return { ...frame, sourcePort: isRequest ? request : reply, destinationPort: flow.openerPort };
  }
}

function frameOf(flow: Flow, isFromOpener: boolean, tcpFlags: number, payload: number) {
  const isToHost = isFromOpener === flow.isIncoming;
  return {
    family: flow.family,
    protocol: flow.protocol,
    source: isFromOpener ? flow.opener : flow.answerer,
    destination: isFromOpener ? flow.answerer : flow.opener,
    sourceMac: isToHost ? ROUTER_MAC : HOST_MAC,
    destinationMac: isToHost ? HOST_MAC : ROUTER_MAC,
    sourcePort: isFromOpener ? flow.openerPort : flow.answererPort,
    destinationPort: isFromOpener ? flow.answererPort : flow.openerPort,
    tcpFlags,
    payload,
  };
}

function wordsOf(address: string): readonly number[] {
  const prefix = parsePrefix(address);
  if (!prefix) throw new RangeError(`not an address: ${address}`);
  return prefix.words;
}
