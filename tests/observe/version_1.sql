-- A database as version 1 of the schema left it: two blocked packets, one allowed.
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE blocked_rows (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    src INTEGER,
    dst INTEGER,
    src_port INTEGER,
    dst_port INTEGER,
    protocol INTEGER,
    context INTEGER NOT NULL,
    hash INTEGER,
    length INTEGER NOT NULL,
    tcp_flags INTEGER,
    hits INTEGER NOT NULL
  );
INSERT INTO blocked_rows VALUES(1,1769860800123,-889163513,-1073741311,40000,23,6,1,-2075237261622663679,60,2,1);
INSERT INTO blocked_rows VALUES(2,1769860801123,'2001:db8::7','c000:201::',40000,23,6,1,-2075237261622663679,60,2,1);
CREATE TABLE allowed_rows (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    src INTEGER,
    dst INTEGER,
    src_port INTEGER,
    dst_port INTEGER,
    protocol INTEGER,
    context INTEGER NOT NULL,
    hash INTEGER,
    length INTEGER NOT NULL,
    tcp_flags INTEGER,
    hits INTEGER NOT NULL
  );
INSERT INTO allowed_rows VALUES(1,1769860802123,-969710583,-1073741311,40000,23,6,2,-2075237261622663679,60,2,1);
CREATE TABLE row_contexts (
    id INTEGER PRIMARY KEY,
    action TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    reason TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    interface TEXT NOT NULL,
    last_id INTEGER NOT NULL,
    UNIQUE (reason_code, reason, action, rule_id, direction, interface)
  );
INSERT INTO row_contexts VALUES(1,'blocked','rule','Rule: ','','incoming','eth2',2);
INSERT INTO row_contexts VALUES(2,'allowed','default_policy','Default policy','','incoming','eth2',1);
CREATE TABLE row_spans (
    row_table TEXT NOT NULL,
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    min_time INTEGER NOT NULL,
    max_time INTEGER NOT NULL,
    PRIMARY KEY (row_table, first_id)
  ) WITHOUT ROWID;
INSERT INTO row_spans VALUES('allowed',1,1,1769860802123,1769860802123);
INSERT INTO row_spans VALUES('blocked',1,2,1769860800123,1769860801123);
CREATE TABLE totals (
    action TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    packets INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (action, reason_code)
  ) WITHOUT ROWID;
INSERT INTO totals VALUES('allowed','default_policy',1,60);
INSERT INTO totals VALUES('blocked','rule',2,120);
CREATE TABLE hours (
    hour INTEGER NOT NULL,
    action TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    packets INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (hour, action, reason_code)
  ) WITHOUT ROWID;
INSERT INTO hours VALUES(491628,'allowed','default_policy',1,60);
INSERT INTO hours VALUES(491628,'blocked','rule',2,120);
CREATE TABLE blocked_addresses (
    address INT PRIMARY KEY,
    blocked INTEGER NOT NULL,
    would_block INTEGER NOT NULL,
    reason_code TEXT NOT NULL,
    last_seen INTEGER NOT NULL
  ) WITHOUT ROWID;
INSERT INTO blocked_addresses VALUES(-889163513,1,0,'rule',1769860800123);
INSERT INTO blocked_addresses VALUES('2001:db8::7',1,0,'rule',1769860801123);
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO facts VALUES('since',1769860800000.0);
CREATE TABLE threat_intel (
    ip TEXT PRIMARY KEY,
    threat_level INTEGER,
    last_seen TEXT,
    source TEXT,
    description TEXT,
    first_seen TEXT
  ) WITHOUT ROWID;
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('blocked_rows',2);
INSERT INTO sqlite_sequence VALUES('allowed_rows',1);
CREATE INDEX blocked_rows_src ON blocked_rows ((id >> 15), src);
CREATE INDEX blocked_rows_dst ON blocked_rows ((id >> 15), dst);
CREATE INDEX allowed_rows_src ON allowed_rows ((id >> 15), src);
CREATE INDEX allowed_rows_dst ON allowed_rows ((id >> 15), dst);
CREATE VIEW blocked_packets AS SELECT r.id AS id, CAST(strftime('%Y-%m-%dT%H:%M:%fZ', r.time / 1000.0, 'unixepoch') AS TEXT) AS timestamp, CAST(CASE typeof(r.src) WHEN 'integer' THEN ((r.src >> 24) & 255) || '.' || ((r.src >> 16) & 255) || '.' || ((r.src >> 8) & 255) || '.' || ((r.src >> 0) & 255) ELSE r.src END AS TEXT) AS src_ip, CAST(CASE typeof(r.dst) WHEN 'integer' THEN ((r.dst >> 24) & 255) || '.' || ((r.dst >> 16) & 255) || '.' || ((r.dst >> 8) & 255) || '.' || ((r.dst >> 0) & 255) ELSE r.dst END AS TEXT) AS dst_ip, r.src_port AS src_port, r.dst_port AS dst_port, CAST(CASE r.protocol WHEN 1 THEN 'icmp' WHEN 2 THEN 'igmp' WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' WHEN 41 THEN 'ipv6' WHEN 47 THEN 'gre' WHEN 50 THEN 'esp' WHEN 51 THEN 'ah' WHEN 58 THEN 'icmpv6' WHEN 89 THEN 'ospf' WHEN 103 THEN 'pim' WHEN 112 THEN 'vrrp' WHEN 132 THEN 'sctp' ELSE r.protocol END AS TEXT) AS protocol, c.reason AS reason, CAST(printf('%016x', r.hash) AS TEXT) AS packet_hash, c.reason_code AS reason_code, CAST(nullif(c.rule_id, '') AS TEXT) AS rule_id, c.direction AS direction, CAST(nullif(c.interface, '') AS TEXT) AS interface, r.length AS length, r.tcp_flags AS tcp_flags, r.hits AS hits, c.action AS action
    FROM blocked_rows AS r LEFT JOIN row_contexts AS c ON c.id = r.context;
CREATE VIEW allowed_packets AS SELECT r.id AS id, CAST(strftime('%Y-%m-%dT%H:%M:%fZ', r.time / 1000.0, 'unixepoch') AS TEXT) AS timestamp, CAST(CASE typeof(r.src) WHEN 'integer' THEN ((r.src >> 24) & 255) || '.' || ((r.src >> 16) & 255) || '.' || ((r.src >> 8) & 255) || '.' || ((r.src >> 0) & 255) ELSE r.src END AS TEXT) AS src_ip, CAST(CASE typeof(r.dst) WHEN 'integer' THEN ((r.dst >> 24) & 255) || '.' || ((r.dst >> 16) & 255) || '.' || ((r.dst >> 8) & 255) || '.' || ((r.dst >> 0) & 255) ELSE r.dst END AS TEXT) AS dst_ip, r.src_port AS src_port, r.dst_port AS dst_port, CAST(CASE r.protocol WHEN 1 THEN 'icmp' WHEN 2 THEN 'igmp' WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' WHEN 41 THEN 'ipv6' WHEN 47 THEN 'gre' WHEN 50 THEN 'esp' WHEN 51 THEN 'ah' WHEN 58 THEN 'icmpv6' WHEN 89 THEN 'ospf' WHEN 103 THEN 'pim' WHEN 112 THEN 'vrrp' WHEN 132 THEN 'sctp' ELSE r.protocol END AS TEXT) AS protocol, c.reason AS reason, CAST(printf('%016x', r.hash) AS TEXT) AS packet_hash, c.reason_code AS reason_code, CAST(nullif(c.rule_id, '') AS TEXT) AS rule_id, c.direction AS direction, CAST(nullif(c.interface, '') AS TEXT) AS interface, r.length AS length, r.tcp_flags AS tcp_flags, r.hits AS hits, c.action AS action
    FROM allowed_rows AS r LEFT JOIN row_contexts AS c ON c.id = r.context;
COMMIT;
PRAGMA application_id = 1885763329;
PRAGMA user_version = 1;
