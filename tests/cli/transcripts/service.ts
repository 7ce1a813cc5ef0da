/**
 * Scenes of the words that start, look at and end the running firewall. Nothing here may reach the
 * kernel: what enforces or cleans up is only ever asked for without root.
 */
import { join } from "node:path";
import { configured, locked, withCapture } from "./found.ts";
import { running } from "./running.ts";
import { scene, type Transcript } from "./scene.ts";

const TOKEN = "A".repeat(43);

/** All of them. */
export const SERVICE: readonly Transcript[] = [{
  command: "start",
  scenes: [
    scene("normal", "judging a capture", [
      "start --read day.pcap",
      "start --read day.pcap --local 192.0.2.10 --filter tcp",
    ], withCapture),
    scene("empty", "no configuration yet", ["start --read ../none.pcap"]),
    scene("no root", "enforcing, and only observing", ["start", "start --monitor"], configured),
    scene("wrong usage", "words that are wrong or exclude each other", [
      "start --read day.pcap --monitor",
      "start --read day.pcap eth0",
      "start --read day.pcap --duration 5s",
      "start --record",
      "start --local 192.0.2.10",
      "start --duration soon",
      "start --ring-size 1kB",
      "start --read day.pcap --local here",
      'start --read day.pcap --filter "prot tcp"',
      "start --reed day.pcap",
    ], withCapture),
    scene("unknown", "files that there are not, or that are none", [
      "start --read nowhere.pcap",
      "start --read etc/firewall_rules.json",
      "start --read broken.pcap",
      { line: "start --read -", input: "" },
    ], withCapture),
  ],
}, {
  command: "status",
  scenes: [
    scene("normal", "enforcing", ["status"], running()),
    scene("running", "only observing", ["status"], running("monitor")),
    scene("not running", "nothing runs", ["status"], configured),
    scene("not running", "a change was kept", [
      "rules toggle 1 --confirm 600",
      "rules confirm",
      "status",
    ], configured),
    scene("no root", "a pfw of somebody else", ["status"], locked),
    scene("wrong usage", "a word too many", ["status all"], configured),
  ],
}, {
  command: "dashboard",
  scenes: [
    scene("normal", "one that is open", ["dashboard"], async (box) => {
      await running()(box);
      Deno.mkdirSync(box.paths.dataDir, { recursive: true });
      Deno.writeTextFileSync(join(box.paths.dataDir, "dashboard.token"), `${TOKEN}\n`, {
        mode: 0o600,
      });
    }),
    scene("running", "none is open", ["dashboard"], running("monitor")),
    scene("not running", "nothing runs", ["dashboard"], configured),
    scene("no root", "a pfw of somebody else", ["dashboard"], locked),
    scene("wrong usage", "a word too many", ["dashboard open"], configured),
  ],
}, {
  command: "stop",
  scenes: [
    scene("normal", "one that runs", ["stop"], running()),
    scene("not running", "nothing runs", ["stop"], configured),
    scene("no root", "a pfw of somebody else", ["stop"], locked),
    scene("wrong usage", "a word too many", ["stop now"], configured),
  ],
}, {
  command: "reload",
  scenes: [
    scene("normal", "one that runs", ["reload"], running()),
    scene("not running", "nothing runs", ["reload"], configured),
    scene("no root", "a pfw of somebody else", ["reload"], locked),
    scene("wrong usage", "a word too many", ["reload now", "reload --confirm 0"], configured),
  ],
}, {
  command: "cleanup",
  scenes: [
    // The normal one changes the kernel: the tests with namespaces have it.
    scene("no root", "it takes root", ["cleanup"], configured),
    scene("wrong usage", "a word too many", ["cleanup all"], configured),
  ],
}, {
  command: "doctor",
  scenes: [
    scene("no root", "what is missing, and what to do", ["doctor"], configured),
    scene("no root", "a pfw that runs", ["doctor"], running()),
    scene("no root", "the files of somebody else", ["doctor"], locked),
    scene("wrong usage", "a word too many", ["doctor now"], configured),
  ],
}];
