/** What pfw needs and this machine lacks: one line that names it, exit 4, nothing changed. */
import { deepEqual, equal, match } from "node:assert/strict";
import { firewallText, kernelTest, NetworkNamespace } from "../support/netns.ts";
import { type PfwOptions, runPfw, startPfw } from "../support/running_pfw.ts";
import { type Run, Sandbox } from "../support/sandbox.ts";

/** Runs what follows it as another user who owns its files all the same: no root, no rights. */
const AS_NOBODY = ["unshare", "--user", "--map-user=65534", "--map-group=65534"];

/** Runs what follows it as root without the right to change the network. */
const WITHOUT_RIGHTS = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"];

/** Runs what follows the script with these programs gone, in a mount namespace of its own. */
function without(...programs: string[]): string[] {
  const script = `
set -e
mount -t tmpfs tmpfs /mnt
for folder in /usr/sbin /usr/bin /usr/local/sbin /usr/local/bin /sbin /bin; do
  [ -d "$folder" ] && [ ! -L "$folder" ] || continue
  found=
  for program in ${programs.join(" ")}; do [ -e "$folder/$program" ] && found=1; done
  [ "$found" ] || continue
  real=$(mktemp -d -p /mnt)
  mount --bind "$folder" "$real"
  shadow=$(mktemp -d -p /mnt)
  for file in "$real"/*; do ln -s "$file" "$shadow/"; done
  for program in ${programs.join(" ")}; do rm -f "$shadow/$program"; done
  mount --bind "$shadow" "$folder"
done
exec "$@"`;
  return ["unshare", "--mount", "sh", "-c", script, "sh"];
}

/** Runs what follows the script with an empty file in the place of libpcap. */
const WITHOUT_LIBPCAP = [
  "unshare",
  "--mount",
  "sh",
  "-c",
  `for folder in /lib /lib64 /usr/lib /usr/lib64 /usr/local/lib; do
  find "$folder" -follow -name 'libpcap.so*' 2>/dev/null
done | while read -r file; do mount --bind /dev/null "$file"; done
exec "$@"`,
  "sh",
];

/** One line, that exit code, and a kernel as it was. */
async function requireRefusal(
  namespace: NetworkNamespace,
  words: string[],
  options: PfwOptions,
  line: RegExp,
): Promise<void> {
  await using sandbox = new Sandbox();
  sandbox.writeConfig({ blacklist_ips: ["192.0.2.1"] });
  const before = await firewallText(namespace);
  const run: Run = await runPfw(namespace, sandbox, words, options);
  deepEqual([run.code, run.out], [4, ""], run.err);
  match(run.err, /^pfw: [^\n]+\n$/);
  match(run.err, line);
  equal(await firewallText(namespace), before);
}

kernelTest("without root pfw says so and changes nothing", async (test) => {
  await using namespace = await NetworkNamespace.create();
  const refusals: [words: string[], through: string[], line: RegExp][] = [
    [["start"], AS_NOBODY, /cannot enforce: this user may not change the firewall; .*sudo/],
    [["cleanup"], AS_NOBODY, /this user may not change the firewall; .*sudo/],
    [["start", "--monitor"], AS_NOBODY, /cannot capture on any: not permitted; run it with sudo/],
    [["start"], WITHOUT_RIGHTS, /NET_ADMIN/],
  ];
  for (const [words, through, line] of refusals) {
    await test.step(`${words.join(" ")} by ${through[0]}`, async () => {
      await requireRefusal(namespace, words, { through }, line);
    });
  }
}, ["unshare", "setpriv"]);

kernelTest("without iptables, ip6tables or ipset pfw says so and changes nothing", async (test) => {
  await using namespace = await NetworkNamespace.create();
  for (const program of ["iptables", "ip6tables", "ipset"]) {
    await test.step(program, async () => {
      const name = program === "ipset" ? "ipset" : "iptables";
      const line = new RegExp(`cannot run ${program}: it is not installed; .*${name}`);
      await requireRefusal(namespace, ["start"], { through: without(program) }, line);
      await requireRefusal(namespace, ["cleanup"], { through: without(program) }, line);
    });
  }
  await test.step("monitor mode needs none of them", async () => {
    await using sandbox = new Sandbox();
    sandbox.writeConfig({});
    const through = without("iptables", "ip6tables", "ipset", "iptables-restore", "iptables-save");
    await using pfw = await startPfw(namespace, sandbox, ["--monitor"], { through });
    equal((await pfw.end()).code, 0);
  });
}, ["unshare"]);

kernelTest("without libpcap pfw says so and changes nothing", async (test) => {
  await using namespace = await NetworkNamespace.create();
  const line = /libpcap is not installed; .*libpcap/;
  for (const words of [["start"], ["start", "--monitor"], ["start", "--read", "/dev/null"]]) {
    await test.step(words.join(" "), async () => {
      await requireRefusal(namespace, words, { through: WITHOUT_LIBPCAP }, line);
    });
  }
  await test.step("cleanup needs no libpcap", async () => {
    await using sandbox = new Sandbox();
    sandbox.writeConfig({});
    const before = await firewallText(namespace);
    await using pfw = await startPfw(namespace, sandbox);
    await pfw.end("SIGKILL");
    const run = await runPfw(namespace, sandbox, ["cleanup"], { through: WITHOUT_LIBPCAP });
    deepEqual([run.code, run.err], [0, ""]);
    equal(await firewallText(namespace), before);
  });
}, ["unshare"]);

kernelTest("without a kernel feature pfw names it and changes nothing", async (test) => {
  await using namespace = await NetworkNamespace.create();
  const features: [program: string, words: string, says: string, line: RegExp][] = [
    [
      "iptables-restore",
      "NFLOG",
      "Warning: Extension NFLOG revision 0 not supported, missing kernel module?",
      /the kernel lacks NFLOG for IPv4: .*missing kernel module.*; .*nfnetlink_log/,
    ],
    [
      "ip6tables-restore",
      "hashlimit",
      "ip6tables-restore: line 3 failed: No chain/target/match by that name.",
      /the kernel lacks the rate limit for IPv6: .*No chain.*; .*xt_hashlimit/,
    ],
    [
      "ipset",
      "hash:net",
      "ipset v7.17: Kernel error received: set type not supported",
      /the kernel lacks [^\n]*set type not supported/,
    ],
  ];
  for (const [program, word, says, line] of features) {
    await test.step(`${word} of ${program}`, async () => {
      await using box = new Sandbox();
      await standIn(box, program, word, says);
      const env = { PATH: `${box.directory}:${Deno.env.get("PATH")}` };
      await requireRefusal(namespace, ["start"], { env }, line);
    });
  }
});

/** A program that fails where its input or its words hold one word, and else is the real one. */
async function standIn(box: Sandbox, program: string, word: string, says: string): Promise<void> {
  const script = `#!/bin/sh
case "$*" in *"${word}"*) echo "${says}" >&2; exit 2 ;; esac
input=$(mktemp)
[ -t 0 ] || cat > "$input"
if grep -q "${word}" "$input"; then rm "$input"; echo "${says}" >&2; exit 2; fi
PATH=\${PATH#*:}
${program} "$@" < "$input"
status=$?
rm "$input"
exit $status
`;
  await Deno.writeTextFile(box.path(program), script, { mode: 0o755 });
}
