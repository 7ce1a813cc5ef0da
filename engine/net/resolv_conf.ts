/** The name servers of resolv.conf(5). */
import { parseSingle, type Prefix } from "./address.ts";

/** More than any resolver asks; the file may be anything. */
const LIMIT = 16;

/** The addresses of the `nameserver` lines, zones left out; what is no address is passed over. */
export function parseNameservers(text: string): Prefix[] {
  const found: Prefix[] = [];
  for (const line of text.split("\n")) {
    const [word, address] = line.trim().split(/\s+/);
    if (word !== "nameserver" || address === undefined) continue;
    const server = parseSingle(address);
    if (server && found.length < LIMIT) found.push(server);
  }
  return found;
}
