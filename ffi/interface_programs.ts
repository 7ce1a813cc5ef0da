/** Which interfaces have programs that see their packets (tcx, Linux 6.6). */
import { Attachment, Direction, type Program } from "./bpf.ts";
import type { NetworkInterface } from "./interfaces.ts";
import { interfaceIndex, interfaceName } from "./libc.ts";

/** Bytes of the link layer's header by hardware type: Ethernet, loopback, and those without one. */
const LINK_HEADER = new Map([[1, 14], [772, 14], [512, 0], [519, 0], [65534, 0]]);

/** Each interface has two descriptors, and a firewall without any cannot run iptables. */
const MOST_INTERFACES = 100;

/** Gives the program for interfaces with such a header and a direction; `undefined` where the kernel refuses it. */
export type ProgramFor = (linkHeader: number, isOutgoing: boolean) => Program | undefined;

/** What is at an interface. */
interface Attached {
  readonly type: number;
  readonly attachments: readonly Attachment[];
}

/**
 * Which of the interfaces need programs.
 *
 * @param index of the only one that is wanted; 0: all
 * @returns `undefined` where not all that is wanted could be seen, or read: of one interface only
 *   Ethernet's frames are, of all of them whatever begins with a known header
 */
export function interfacesToSee(
  index: number,
  all: readonly NetworkInterface[],
): readonly NetworkInterface[] | undefined {
  if (index !== 0) {
    const own = all.filter((one) => one.index === index);
    return own.every(({ type }) => LINK_HEADER.get(type)) ? own : undefined;
  }
  const known = all.filter(({ type }) => LINK_HEADER.has(type));
  const isMissed = all.some(({ type, isUp }) => isUp && !LINK_HEADER.has(type));
  return isMissed || known.length > MOST_INTERFACES ? undefined : known;
}

/** Puts programs to interfaces. What takes long is done beside the loop. */
export class InterfacePrograms {
  readonly #programFor: ProgramFor;
  readonly #attached = new Map<number, Attached>();
  readonly #loopback = interfaceIndex("lo");
  #isClosed = false;

  constructor(programFor: ProgramFor) {
    this.#programFor = programFor;
  }

  /**
   * Puts programs to interfaces that have none, and takes leave of all others. Not to be called again
   * before it has ended.
   *
   * @throws Error where the kernel has no such thing or this process may not
   */
  async follow(interfaces: readonly NetworkInterface[]): Promise<void> {
    for (const [index, one] of this.#attached) {
      const now = interfaces.find((other) => other.index === index);
      if (now && await isIntact(one, now)) continue;
      // Closed meanwhile, and so already taken leave of.
      if (!this.#attached.has(index)) return;
      this.#attached.delete(index);
      await closeAll(one.attachments);
    }
    for (const { index, type } of interfaces) {
      if (this.#attached.has(index)) continue;
      const attachments = await this.#attach(index, LINK_HEADER.get(type) ?? 0);
      if (this.#isClosed) return await closeAll(attachments ?? []);
      if (attachments) this.#attached.set(index, { type, attachments });
      // It may have gone meanwhile.
      else if (interfaceName(index) !== "") throw new Error("the kernel refuses the program");
    }
  }

  /** `undefined` where the kernel refuses. */
  async #attach(index: number, linkHeader: number): Promise<Attachment[] | undefined> {
    const attachments: Attachment[] = [];
    for (const isOutgoing of [false, true]) {
      // What loopback sends arrives there, too.
      if (isOutgoing && index === this.#loopback) continue;
      const program = this.#programFor(linkHeader, isOutgoing);
      const direction = isOutgoing ? Direction.outgoing : Direction.incoming;
      const attachment = program && await Attachment.create(program, index, direction);
      if (!attachment) {
        await closeAll(attachments);
        return undefined;
      }
      attachments.push(attachment);
    }
    return attachments;
  }

  /** Takes leave of all. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#attached.values()];
    this.#attached.clear();
    for (const { attachments } of all) await closeAll(attachments);
  }
}

/** Whether it is still the same interface, and nobody has taken the programs from it. */
async function isIntact({ type, attachments }: Attached, now: NetworkInterface): Promise<boolean> {
  if (type !== now.type) return false;
  for (const one of attachments) if (await one.interface() !== now.index) return false;
  return true;
}

async function closeAll(attachments: readonly Attachment[]): Promise<void> {
  for (const attachment of attachments) await attachment.close();
}
