/** Which feed lists a packet's other end, as a number in `EventDetails`: for the log's reason. */
import type { ThreatList } from "../intel/threat_list.ts";
import type { EventDetails } from "./observe/event_details.ts";
import { Direction, type ParsedPacket } from "./packet/packet.ts";

/** Asked for every packet that a threat feed blocks: allocates nothing. */
export class ThreatDetails {
  #threats: ThreatList | undefined;
  #numbers: readonly number[] = [];
  /** Of the one feed where there is no other: then nothing has to be looked for. */
  #only = 0;

  constructor(private readonly details: EventDetails) {}

  /** From now on these threats are asked. */
  use(threats: ThreatList): void {
    this.#threats = threats;
    this.#numbers = threats.feeds.map((name) => this.details.intern("", name));
    this.#only = this.#numbers.length === 1 ? this.#numbers[0] : 0;
  }

  /** The first feed that lists the source, or of what goes out or through, the destination. */
  detailOf(packet: ParsedPacket): number {
    if (this.#only !== 0) return this.#only;
    const threats = this.#threats, { family } = packet;
    if (threats === undefined) return 0;
    if (packet.direction !== Direction.outgoing) {
      const { source0, source1, source2, source3 } = packet;
      const feed = threats.feedOf(family, source0, source1, source2, source3);
      if (feed >= 0) return this.#numbers[feed];
      if (packet.direction === Direction.incoming) return 0;
    }
    const { destination0, destination1, destination2, destination3 } = packet;
    const feed = threats.feedOf(family, destination0, destination1, destination2, destination3);
    return feed >= 0 ? this.#numbers[feed] : 0;
  }
}
