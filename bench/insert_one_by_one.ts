/** How a program writes events down that thinks of nothing but the next one. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Inserts events one by one, each in a transaction of its own; returns events/s. */
export function insertOneByOne(directory: string, events: number): number {
  const home = Deno.makeTempDirSync({ dir: directory, prefix: "inserted-" });
  try {
    using db = new DatabaseSync(join(home, "events.db"));
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      CREATE TABLE blocked_packets (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT,
        src_ip TEXT, dst_ip TEXT, src_port INTEGER, dst_port INTEGER, protocol TEXT, reason TEXT,
        packet_hash TEXT);
      CREATE INDEX by_source ON blocked_packets (src_ip);
      CREATE INDEX by_time ON blocked_packets (timestamp)`);
    const insert = db.prepare(`INSERT INTO blocked_packets
      (timestamp, src_ip, dst_ip, src_port, dst_port, protocol, reason, packet_hash)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
    const started = performance.now();
    for (let event = 0; event < events; event++) {
      const time = new Date(1_787_367_600_000 + event).toISOString();
      const source = `203.0.${(event >> 8) & 255}.${event & 255}`;
      const hash = (0x9e3779b1 * (event + 1)).toString(16).padStart(16, "0");
      insert.run(time, source, "10.9.0.1", 40_000, 23, "TCP", "Rule: Block Telnet", hash);
    }
    return events / ((performance.now() - started) / 1000);
  } finally {
    Deno.removeSync(home, { recursive: true });
  }
}
