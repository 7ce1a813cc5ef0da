/** What a missing configuration is created with. */
import type { ConfigDraft } from "./schema.ts";

/** The name of the JSON Schema that is written beside the configuration. */
export const SCHEMA_FILE = "firewall_rules.schema.json";

/** The defaults of a fresh installation. */
export const DEFAULT_CONFIG: ConfigDraft = {
  $schema: `./${SCHEMA_FILE}`,
  default_policy: "allow",
  rules: [
    {
      name: "Block Telnet, RPC, NetBIOS, SMB and RDP",
      action: "block",
      protocol: "tcp",
      ports: [23, 135, 139, 445, 3389],
      source_ips: [],
      destination_ips: [],
      direction: "in",
      enabled: true,
    },
  ],
  whitelist_ips: ["127.0.0.1", "::1"],
  blacklist_ips: [],
  rate_limit: { enabled: true, connections: 100, seconds: 10 },
  threat_feeds: [
    {
      name: "Feodo Tracker",
      url: "https://feodotracker.abuse.ch/downloads/ipblocklist.txt",
      format: "auto",
      interval: "1h",
      enabled: true,
    },
  ],
  logging: { allowed_sample: 0.01, retention: "30d", max_size: "1GB" },
};
