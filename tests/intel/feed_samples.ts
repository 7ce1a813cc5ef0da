/** One small feed of each form, as its provider documents it, and what it says. */
import type { FeedFormat, Refusals } from "../../intel/feed.ts";

/** A feed's text, and what reading it must give. */
export interface FeedSample {
  readonly name: string;
  readonly format: FeedFormat;
  readonly text: string;
  /** In order, IPv4 first. */
  readonly entries: readonly string[];
  readonly levels?: readonly number[];
  readonly refused?: Refusals;
}

const plain: FeedSample[] = [
  {
    name: "Feodo Tracker, text",
    format: "plain",
    text: "#########################\n# abuse.ch Feodo Tracker Botnet C2 IP Blocklist #\n" +
      "#########################\n#\n# DstIP\n81.2.69.142\n5.9.10.11\n# END 2 entries\n",
    entries: ["5.9.10.11", "81.2.69.142"],
  },
  {
    name: "Spamhaus DROP, text",
    format: "plain",
    text: "; Spamhaus DROP List\n; Expires: never\n1.178.0.0/15 ; SBL1\n2.57.122.0/24 ; SBL2\n",
    entries: ["1.178.0.0/15", "2.57.122.0/24"],
  },
  {
    name: "FireHOL netset",
    format: "plain",
    text:
      "#\n# firehol_level1\n#\n0.0.0.0/8\n1.10.16.0/20\n10.0.0.0/8\n45.9.148.1\n100.64.0.0/10\n" +
      "127.0.0.0/8\n169.254.0.0/16\n192.0.2.0/24\n192.168.0.0/16\n224.0.0.0/3\n",
    entries: ["1.10.16.0/20", "45.9.148.1"],
    refused: {
      reserved: 1,
      private: 3,
      loopback: 1,
      link_local: 1,
      documentation: 1,
      multicast: 1,
    },
  },
  {
    name: "a list kept by hand",
    format: "plain",
    text: "\ufeff\r\n  81.2.69.142   # scanner\r\n5.9.10.11,DE\r\n2a0b:f4c2::5;x\r\n5.9.10.11\r\n" +
      "45.9.148.0-45.9.148.6\r\n::ffff:45.9.149.1\r\n5.9.11.77/24 host bits\r\n2.0.0.0/7\r\nnobody\r\n",
    entries: [
      "5.9.10.11",
      "5.9.11.0/24",
      "45.9.148.0/30",
      "45.9.148.4/31",
      "45.9.148.6",
      "45.9.149.1",
      "81.2.69.142",
      "2a0b:f4c2::5",
    ],
    refused: { too_wide: 1, malformed: 1 },
  },
];

const text: FeedSample[] = [
  {
    name: "IPsum",
    format: "ipsum",
    text: "# IPsum Threat Intelligence Feed\n#\n# IP\tnumber of (black)lists\n#\n" +
      "77.90.185.20\t10\n45.154.244.193\t9\n16.5.0.132\t1\n45.154.244.193\t300\n192.168.1.1\t2\n",
    entries: ["16.5.0.132", "45.154.244.193", "77.90.185.20"],
    levels: [1, 255, 10],
    refused: { private: 1 },
  },
  {
    name: "Feodo Tracker, CSV",
    format: "feodo_csv",
    text: '# abuse.ch Feodo Tracker (CSV)\n#\n"first_seen_utc","dst_ip","dst_port","malware"\n' +
      '"2022-06-04 21:24:53","162.243.103.246","8080","Emo""tet, ""x"""\n' +
      '"2021-01-17 07:44:46","51.178.161.32","4643","Dridex"\n# END (2) entries\n',
    entries: ["51.178.161.32", "162.243.103.246"],
  },
  {
    name: "AlienVault reputation",
    format: "otx_reputation",
    text: "49.143.32.6#4#2#Malicious Host#KR##37.51,126.97#3\n" +
      "222.77.181.28#6#5#Scanning Host;Spamming#CN#Fuzhou#26.06,119.30#11;12\n" +
      "192.0.0.1#4#2#Malicious Host#DE##0,1#3\n",
    entries: ["49.143.32.6", "222.77.181.28"],
    levels: [4, 6],
    refused: { reserved: 1 },
  },
  {
    name: "Tor exits",
    format: "tor",
    text: "ExitNode 0011BD2485AD45D984EC4159C88FC066E5E3300E\nPublished 2026-03-14 01:03:21\n" +
      "LastStatus 2026-03-14 02:00:00\nExitAddress 171.25.193.25 2026-03-14 02:18:22\n" +
      "ExitAddress 185.220.101.1 2026-03-14 02:20:22\n",
    entries: ["171.25.193.25", "185.220.101.1"],
  },
];

const json: FeedSample[] = [
  {
    name: "Feodo Tracker, JSON",
    format: "feodo_json",
    text:
      '[{"ip_address":"51.178.161.32","port":4643,"hostname":"a \\"b\\" \\u00e9","as":{"n":[1]}},\n' +
      ' {"ip_address":"162.243.103.246","hostname":null,"online":true}]\n',
    entries: ["51.178.161.32", "162.243.103.246"],
  },
  {
    name: "Spamhaus DROP, NDJSON",
    format: "spamhaus_json",
    text: '{"cidr":"1.10.16.0/20","sblid":"SBL256894","rir":"apnic"}\n' +
      '{"cidr":"2a06:e480::/29","sblid":"SBL301771","rir":"ripencc"}\n' +
      '{"cidr":"10.0.0.0/8"}\n{"type":"metadata","timestamp":1789220642,"size":90,"records":3}\n',
    entries: ["1.10.16.0/20", "2a06:e480::/29"],
    refused: { private: 1 },
  },
  {
    name: "AbuseIPDB",
    format: "abuseipdb",
    text: '{"meta":{"generatedAt":"2026-03-08T19:54:11+00:00"},"data":[' +
      '{"ipAddress":"5.188.10.179","countryCode":"RU","abuseConfidenceScore":100},' +
      '{"ipAddress":"2a0b:f4c2::1","abuseConfidenceScore":95},' +
      '{"ipAddress":"fe80::1","abuseConfidenceScore":95}]}',
    entries: ["5.188.10.179", "2a0b:f4c2::1"],
    levels: [100, 95],
    refused: { link_local: 1 },
  },
  {
    name: "OTX export",
    format: "otx_export",
    text: '{"results":[{"id":1,"indicator":"49.143.32.6","type":"IPv4"},' +
      '{"id":2,"indicator":"malware.example","type":"domain"},' +
      '{"id":3,"indicator":"2a0b:f4c2::2","type":"IPv6","content":""}],"count":3,"next":null}',
    entries: ["49.143.32.6", "2a0b:f4c2::2"],
    refused: { other_kind: 1 },
  },
  {
    name: "CrowdSec stream",
    format: "crowdsec",
    text: '{"deleted":[{"duration":"-1m","scope":"Ip","type":"ban","value":"3.3.3.5"}],"new":[' +
      '{"duration":"3h59m57.641708614s","id":1,"scope":"Ip","type":"ban","value":"3.3.3.4"},' +
      '{"duration":"166h2m13s","scope":"Range","type":"ban","value":"1.10.16.0/20"},' +
      '{"duration":"-2m3s","scope":"Ip","type":"ban","value":"3.3.3.6"},' +
      '{"duration":"4h","scope":"Ip","type":"captcha","value":"3.3.3.7"},' +
      '{"duration":"4h","scope":"Country","type":"ban","value":"XX"},' +
      '{"duration":"4h","scope":"Ip","type":"ban","value":"3.3.3.8","simulated":true}]}',
    entries: ["1.10.16.0/20", "3.3.3.4"],
    refused: { other_kind: 4 },
  },
  {
    name: "CrowdSec decisions",
    format: "crowdsec",
    text: '[{"duration":"0s","scope":"ip","type":"ban","value":"3.3.3.4"},' +
      '{"scope":"ip","type":"ban","value":"3.3.3.5","until":"2026-03-01T00:00:00Z"},' +
      '{"scope":"ip","type":"ban","value":"3.3.3.6","until":"2026-03-03T00:00:00Z"}]',
    entries: ["3.3.3.6"],
    refused: { other_kind: 2 },
  },
];

/** When the samples are read, in milliseconds since 1970. */
export const SAMPLE_TIME = Date.parse("2026-03-02T00:00:00Z");

export const FEED_SAMPLES: readonly FeedSample[] = [...plain, ...text, ...json];
