/** That the pipeline hands the detectors what is theirs, and asks who listed a blocked address. */
import assert from "node:assert/strict";
import { Detectors } from "../../engine/detect/detectors.ts";
import { DropPrefixes } from "../../engine/drop_prefixes.ts";
import { LocalAddresses } from "../../engine/net/local_addresses.ts";
import { formatV4 } from "../../engine/net/address.ts";
import { EventBuffer } from "../../engine/observe/event_buffer.ts";
import { EventDetails } from "../../engine/observe/event_details.ts";
import { Totals } from "../../engine/observe/totals.ts";
import { type DetailOf, type Enforcement, Pipeline } from "../../engine/pipeline.ts";
import { Matcher } from "../../engine/policy/matcher.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { REASONS } from "../../engine/policy/verdict.ts";
import { RECORD_HEADER, RecordBuffer } from "../../ffi/record_buffer.ts";
import { be16, ethernet, ipv4, tcp, tlv, udp } from "../packet/frames.ts";
import { hasLibpcap } from "../support/capture_reader.ts";
import { policy, ports, rule } from "../support/policies.ts";
import { detection } from "./scene.ts";

const ETHERNET = 1, SYN = 2;
const HOST = 0xc6336401, BROADCAST = 0xc63364ff, OTHER = 0xcb007101;
const PREROUTING = 0, INPUT = 1;

/** A SYN, by its ports and addresses. */
function syn(port: number, source = 0xc0000201, destination = HOST): number[] {
  return ipv4(tcp(40_000 + port, port, SYN), { source, destination });
}

/** The kernel's report of a drop, as a record of link type NFLOG. */
function report(prefix: string, packet: number[], hook = INPUT): number[] {
  const text = [...new TextEncoder().encode(prefix), 0];
  const header = [...be16(0x0800), hook, 0];
  return [2, 0, ...be16(5), ...tlv(1, header), ...tlv(10, text), ...tlv(9, packet)];
}

class Machine implements Disposable {
  readonly detectors = new Detectors(detection());
  readonly details = new EventDetails();
  readonly blocked = new EventBuffer(256);
  readonly #pipeline: Pipeline;
  readonly #buffer = new RecordBuffer(1 << 16);

  constructor(enforcement: Enforcement, judged: Partial<Policy>, detailOf?: DetailOf) {
    const own = new LocalAddresses();
    own.update([{ address: formatV4(HOST) }]);
    this.#pipeline = new Pipeline({
      enforcement,
      matcher: new Matcher({ ...policy(), ...judged }, { flows: 1024 }),
      own,
      totals: new Totals(),
      blocked: this.blocked,
      allowed: new EventBuffer(256),
      prefixes: new DropPrefixes(this.details),
      sample: 0,
      detectors: this.detectors,
      detailOf,
    });
  }

  tap(...frames: number[][]): void {
    this.#pipeline.readTap(this.#buffer, this.#write(frames), ETHERNET, 1);
  }

  nflog(...records: number[][]): void {
    this.#pipeline.readNflog(this.#buffer, this.#write(records));
  }

  /** Lays records into the buffer as libpcap does: little end first. */
  #write(frames: number[][]): number {
    const { view, bytes } = this.#buffer;
    let at = 0;
    for (const frame of frames) {
      view.setUint32(at, 1_700_000_000, true);
      view.setUint32(at + 4, 0, true);
      view.setUint32(at + 8, frame.length, true);
      view.setUint32(at + 12, frame.length, true);
      bytes.set(frame, at + RECORD_HEADER);
      at += RECORD_HEADER + frame.length;
    }
    return at;
  }

  /** Packets that the kernel counted and did not hand over. */
  countOnly(packets: number): void {
    this.#pipeline.countOnly(packets, 100 * packets);
  }

  found(): string[] {
    return this.detectors.take().map(({ text }) => text);
  }

  [Symbol.dispose](): void {
    this.#buffer[Symbol.dispose]();
  }
}

/** The buffer that a batch lies in is libpcap's. */
function pipelineTest(name: string, fn: () => void): void {
  const missing = hasLibpcap ? "" : " (left out: no libpcap)";
  Deno.test({ name: `pipeline: ${name}${missing}`, ignore: !hasLibpcap, fn });
}

const LOW = [21, 22, 25, 80, 110, 139, 443];

pipelineTest("detectors see what opens connections to this machine, also what is blocked", () => {
  for (const enforcement of ["kernel", "none"] as const) {
    for (const defaultAction of ["allow", "block"] as const) {
      using machine = new Machine(enforcement, { defaultAction });
      machine.tap(...LOW.map((port) => ethernet(0x0800, syn(port))));
      assert.deepEqual(machine.found(), ["port scan: 7 ports in 0 ms"]);
    }
  }
});

pipelineTest("while packets were only counted, no answer passes for an attempt", () => {
  const probe = (port: number) =>
    ipv4(udp(40_000 + port, port), { protocol: 17, source: 0xc0000201, destination: HOST });
  for (const [isPartial, text] of [[false, ["port scan: 7 ports in 0 ms"]], [true, []]] as const) {
    using machine = new Machine("kernel", {});
    if (isPartial) machine.countOnly(1);
    machine.tap(...LOW.map((port) => ethernet(0x0800, probe(port))));
    assert.deepEqual(machine.found(), text);
    machine.tap(...LOW.map((port) => ethernet(0x0800, syn(port, 0xc0000202))));
    assert.deepEqual(machine.found(), ["port scan: 7 ports in 0 ms"], "a SYN is always looked at");
  }
});

pipelineTest("not what is another's, nor what a list decides", () => {
  using machine = new Machine("none", policy({ bans: ["192.0.2.1"] }));
  machine.tap(...LOW.map((port) => ethernet(0x0800, syn(port))));
  machine.tap(...LOW.map((port) => ethernet(0x0800, syn(port, 0xc0000202, OTHER))));
  assert.deepEqual(machine.found(), []);
});

pipelineTest(
  "would-be blocks count where nobody enforces, the kernel's reports where it does",
  () => {
    const rules = [rule({ ports: ports(23) })];
    const knocks = Array.from({ length: 40 }, () => syn(23));
    using monitor = new Machine("none", { rules });
    monitor.tap(...knocks.map((packet) => ethernet(0x0800, packet)));
    const text = "repeated hits on blocked ports: 30 packets to port 23 in 0 ms";
    assert.deepEqual(monitor.found(), [text]);
    using enforcing = new Machine("kernel", { rules });
    enforcing.tap(...knocks.map((packet) => ethernet(0x0800, packet)));
    assert.deepEqual(enforcing.found(), []);
    const reported = `pfw:rule:${rules[0].id}`;
    enforcing.nflog(...knocks.map((packet) => report(reported, packet)));
    assert.deepEqual(enforcing.found(), [text]);
  },
);

pipelineTest("reports of what went to many or passed through count for nobody", () => {
  using machine = new Machine("kernel", {});
  const knocks = Array.from({ length: 40 }, () => [BROADCAST, OTHER]).flat();
  machine.nflog(
    ...knocks.map((to) => report("pfw:default_policy:-", syn(23, 0xc0000201, to), PREROUTING)),
  );
  assert.deepEqual(machine.found(), []);
  assert.equal(machine.blocked.hits, 80);
});

pipelineTest("bans and threats are asked for their detail, other reasons are not", () => {
  const asked: string[] = [];
  const detailOf: DetailOf = (reason, packet) => {
    asked.push(`${REASONS[reason]} ${formatV4(packet.source0)}`);
    return 7;
  };
  const reasons = ["ban", "threat", "blacklist", "invalid", "default_policy"];
  using enforcing = new Machine("kernel", {}, detailOf);
  enforcing.nflog(...reasons.map((reason) => report(`pfw:${reason}:-`, syn(80))));
  assert.deepEqual(asked.splice(0), ["ban 192.0.2.1", "threat 192.0.2.1"]);
  assert.deepEqual([...enforcing.blocked.detail.subarray(0, 5)], [7, 7, 0, 0, 0]);
  const lists = policy({ bans: ["192.0.2.1"], threats: ["192.0.2.2"], blacklist: ["192.0.2.3"] });
  using monitor = new Machine("none", lists, detailOf);
  for (let host = 1; host <= 4; host++) monitor.tap(ethernet(0x0800, syn(80, 0xc0000200 + host)));
  assert.deepEqual(asked, ["ban 192.0.2.1", "threat 192.0.2.2"]);
  assert.deepEqual([...monitor.blocked.detail.subarray(0, 3)], [7, 7, 0]);
});

pipelineTest(
  "SYNs that the rate limit holds back count less, so that no eager client is found",
  () => {
    using machine = new Machine("none", { rateLimit: { connections: 10, seconds: 10 } });
    const many = Array.from(
      { length: 400 },
      (_, at) =>
        ethernet(
          0x0800,
          ipv4(tcp(10_000 + at, 80, SYN), { source: 0xc0000201, destination: HOST }),
        ),
    );
    machine.tap(...many);
    assert.deepEqual(machine.found(), []);
  },
);
