/**
 * Faults that need a process of their own: `store_child.ts CASE DIRECTORY`. Prints what happened,
 * one JSON value a line, for the test to judge.
 */
import { join } from "node:path";
import { errorText, PfwError } from "../../engine/errors.ts";
import { EventBuffer } from "../../engine/observe/event_buffer.ts";
import { EventDetails } from "../../engine/observe/event_details.ts";
import { Store } from "../../engine/observe/store.ts";
import { StoreReader } from "../../engine/observe/store_reader.ts";
import { addTo } from "./samples.ts";

const [name, directory] = Deno.args;
const path = join(directory, "firewall.db");
const names = { details: new EventDetails(), interfaceName: () => "eth0" };
const say = (value: unknown) => console.log(JSON.stringify(value));

/** Opening fails: says how. */
function refused(open: () => unknown): void {
  try {
    open();
    say({ opened: true });
  } catch (error) {
    say({ error: errorText(error), exitCode: error instanceof PfwError ? error.exitCode : null });
  }
}

/** Writes rows until the disk is full, makes room, writes the rest. */
async function fullDisk(): Promise<void> {
  const store = Store.open(path);
  const events = new EventBuffer(5_000, 5_000);
  const ballast = join(directory, "ballast");
  Deno.writeFileSync(ballast, new Uint8Array(1_000_000));
  let sent = 0;
  const notices: string[] = [];
  for (let round = 0; round < 100 && notices.length === 0; round++) {
    for (let row = 0; row < 1_000; row++, sent++) addTo(events, { source: `10.0.${row >> 8}.9` });
    notices.push(...store.flush({ blocked: events, names }).notices);
  }
  Deno.removeSync(ballast);
  for (let attempt = 0; attempt < 100 && events.count > 0; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    notices.push(...store.flush({ blocked: events, names }).notices);
  }
  notices.push(...store.close().notices);
  say({ notices, sent, losses: store.losses });
}

/** Flushes for ever; says how many packets are in the database. Ends by SIGKILL. */
function writeForEver(): void {
  const store = Store.open(path);
  const events = new EventBuffer(500, 500);
  for (let sent = 0;;) {
    for (let row = 0; row < 400; row++, sent++) {
      addTo(events, { source: `10.0.${row >> 8}.${row & 255}` });
    }
    if (store.flush({ blocked: events, names }).ok) say(sent);
  }
}

switch (name) {
  case "open":
    refused(() => Store.open(path));
    break;
  case "read":
    refused(() => StoreReader.open(path));
    break;
  case "full":
    await fullDisk();
    break;
  case "write":
    writeForEver();
}
