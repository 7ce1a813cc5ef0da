/** With whom this machine is in a conversation that it began: what forged packets cannot show. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parsePrefix } from "../../engine/net/address.ts";
import { Direction, ParsedPacket, Protocol, TcpFlag } from "../../engine/packet/packet.ts";
import { synthesize } from "../../engine/packet/synthetic.ts";
import { Matcher } from "../../engine/policy/matcher.ts";
import { policy } from "../support/policies.ts";

const { ack: ACK, fin: FIN, rst: RST, syn: SYN } = TcpFlag;
const HERE = "198.51.100.1", THERE = "192.0.2.7";
const HERE_V6 = "2001:db8:1::1", THERE_V6 = "2001:db8:2:3::7";

/** A machine, and the packets that pass by. */
class Wire {
  now = 1_700_000_000;
  readonly #matcher = new Matcher(policy(), { flows: 1024 });
  readonly #packet = new ParsedPacket();

  send(from: string, to: string, flags: number, port = 443, own = 40_000): this {
    const isOurs = from === HERE || from === HERE_V6;
    const [sourcePort, destinationPort] = isOurs ? [own, port] : [port, own];
    return this.#judge(from, to, { protocol: Protocol.tcp, sourcePort, destinationPort, flags });
  }

  datagram(from: string, to: string, sourcePort: number, destinationPort: number): this {
    return this.#judge(from, to, { protocol: Protocol.udp, sourcePort, destinationPort, flags: 0 });
  }

  /** Opens a connection from here, in good order. */
  connect(there = THERE, here = HERE): this {
    return this.send(here, there, SYN).send(there, here, SYN | ACK).send(here, there, ACK);
  }

  leadsTo(prefix: string): boolean {
    return this.#matcher.isPeer(parsePrefix(prefix)!, this.now);
  }

  #judge(
    from: string,
    to: string,
    { flags, ...fields }: {
      protocol: number;
      sourcePort: number;
      destinationPort: number;
      flags: number;
    },
  ): this {
    const packet = this.#packet;
    const view = synthesize(packet, {
      ...fields,
      from: parsePrefix(from)!,
      to: parsePrefix(to)!,
      tcpFlags: flags,
      icmpType: 8,
    });
    packet.seconds = this.now;
    packet.direction = from === HERE || from === HERE_V6 ? Direction.outgoing : Direction.incoming;
    this.#matcher.decide(packet, view);
    return this;
  }
}

Deno.test("a connection that this machine opened leads to its peer, and to no one else", () => {
  const wire = new Wire().connect();
  assert.ok(wire.leadsTo(THERE));
  assert.ok(wire.leadsTo("192.0.2.0/24"));
  assert.ok(!wire.leadsTo("192.0.2.8"));
  assert.ok(!wire.leadsTo("192.0.3.0/24"));
  assert.ok(!wire.leadsTo(HERE));
});

Deno.test("IPv6: the peer's network counts, its neighbours do not", () => {
  const wire = new Wire().connect(THERE_V6, HERE_V6);
  assert.ok(wire.leadsTo("2001:db8:2:3::/64"));
  assert.ok(wire.leadsTo("2001:db8:2::/48"));
  assert.ok(wire.leadsTo(THERE_V6));
  for (const other of ["2001:db8:2:3::8", "2001:db8:2:2::/64", "2001:db8:2:3::8:0:0/96"]) {
    assert.ok(!wire.leadsTo(other), other);
  }
});

Deno.test("it lasts as long as the connection: through its end, not past its time", () => {
  const wire = new Wire().connect().send(HERE, THERE, FIN | ACK).send(THERE, HERE, FIN | ACK);
  assert.ok(wire.send(HERE, THERE, ACK).leadsTo(THERE));
  wire.now += 121;
  assert.ok(!wire.leadsTo(THERE));
  assert.ok(!new Wire().connect().send(THERE, HERE, RST | ACK).leadsTo(THERE));
});

Deno.test("UDP: a question that was answered, for two minutes", () => {
  const wire = new Wire().datagram(HERE, THERE, 40_000, 51_820);
  assert.ok(!wire.leadsTo(THERE), "not answered");
  assert.ok(wire.datagram(THERE, HERE, 51_820, 40_000).leadsTo(THERE));
  wire.now += 121;
  assert.ok(!wire.leadsTo(THERE));
});

Deno.test("a stranger cannot bring it about, whatever packets come in its name", () => {
  const flags = fc.constantFrom(SYN, ACK, SYN | ACK, FIN | ACK, RST, RST | ACK, 0);
  const packet = fc.record({ flags, isUdp: fc.boolean(), port: fc.constantFrom(53, 443) });
  fc.assert(fc.property(fc.array(packet, { maxLength: 12 }), (packets) => {
    const wire = new Wire();
    for (const { flags, isUdp, port } of packets) {
      if (isUdp) wire.datagram(THERE, HERE, port, 80);
      else wire.send(THERE, HERE, flags, port, 80);
      // What the kernel answers to whoever comes unasked.
      if (!isUdp && flags === SYN) wire.send(HERE, THERE, SYN | ACK, port, 80);
      if (!isUdp && flags !== SYN) wire.send(HERE, THERE, RST, port, 80);
      if (isUdp) wire.datagram(HERE, THERE, 80, port);
    }
    assert.ok(!wire.leadsTo(THERE));
  }));
});
