/** Names of IP protocols as the database shows them (IANA "Protocol Numbers", lower case). */

const NAMES: Readonly<Record<number, string>> = {
  1: "icmp",
  2: "igmp",
  6: "tcp",
  17: "udp",
  41: "ipv6",
  47: "gre",
  50: "esp",
  51: "ah",
  58: "icmpv6",
  89: "ospf",
  103: "pim",
  112: "vrrp",
  132: "sctp",
};

/** The name of a protocol; its number as text where it has none here. */
export function protocolName(protocol: number): string {
  return NAMES[protocol] ?? String(protocol);
}

/** The same as an SQL expression over a column. */
export function protocolNameSql(column: string): string {
  const cases = Object.entries(NAMES).map(([number, name]) => `WHEN ${number} THEN '${name}'`);
  return `CAST(CASE ${column} ${cases.join(" ")} ELSE ${column} END AS TEXT)`;
}
