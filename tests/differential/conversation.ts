/**
 * What two hosts say to each other, written so that it fits any policy: addresses and ports are
 * named by the prefixes and ranges of the policy, and so still mean something after it shrank.
 */
import type { Family } from "../../engine/net/address.ts";
import type { ExtensionHeader } from "./packet_bytes.ts";

/** An address at the edge of a prefix of the policy, or anywhere. */
export interface AddressChoice {
  /** Which prefix. */
  readonly pick: number;
  readonly edge: "first" | "last" | "before" | "after" | "inside" | "anywhere";
  /** Bits for `inside` and `anywhere`. */
  readonly bits: number;
}

/** A port at the edge of a range of the policy, or a number. */
export interface PortChoice {
  readonly pick: number;
  readonly edge: "before" | "first" | "last" | "after" | "number";
  /** For `number`. */
  readonly port: number;
}

/** How a packet travels. */
export interface Shape {
  /** Index into the options that IPv4 packets carry. */
  readonly options: number;
  /** Extension headers of IPv6 packets. */
  readonly headers: readonly ExtensionHeader[];
  /** Whether it is cut into fragments; `tiny` ones of 8 bytes, on IPv4 and where no TCP is in it. */
  readonly cut: "none" | "large" | "tiny";
  /**
   * Bytes of its transport header that there are, where that is not whole. Not of what the machine
   * itself sends: iptables drops that without a word when a rule asks for ports.
   */
  readonly headerBytes: number | undefined;
}

/** One packet of one side. */
export interface SendMove {
  readonly kind: "send";
  /** Whether the one who was asked sends it. */
  readonly answers: boolean;
  /** TCP flags. */
  readonly flags: number;
  /** Index into the ICMP messages of the family. */
  readonly message: number;
  readonly code: number;
  /** Bytes of data. */
  readonly data: number;
  readonly shape: Shape;
}

/** An ICMP error about the last packet of one side; it goes to that side. */
export interface ErrorMove {
  readonly kind: "error";
  /** Whether it is about an answer. */
  readonly aboutAnswer: boolean;
  /** Index into the ICMP errors of the family. */
  readonly message: number;
  readonly code: number;
  /** Who reports it: the other side, or a router between them. */
  readonly router: AddressChoice | undefined;
  /** What is changed in the quoted packet, so that it is about nothing known. */
  readonly twist: "none" | "port" | "source";
  /** Bytes of the quoted packet after its IP header. */
  readonly quoted: number;
}

/** One step of a conversation. */
export type Move = SendMove | ErrorMove;

/** Everything that two hosts say to each other. */
export interface Conversation {
  /** The way of the one who asks. */
  readonly way: "in" | "out" | "forward";
  readonly family: Family;
  readonly source: AddressChoice;
  readonly destination: AddressChoice;
  /** `icmp` is ICMPv6 on IPv6. */
  readonly protocol: "tcp" | "udp" | "icmp" | number;
  readonly sourcePort: PortChoice;
  readonly destinationPort: PortChoice;
  readonly moves: readonly Move[];
}
