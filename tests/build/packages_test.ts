import assert from "node:assert/strict";
import {
  distributionOf,
  findProgram,
  installCommands,
  installHint,
  packagesFor,
} from "../../engine/packages.ts";

const OS_RELEASES: Record<string, [text: string, family: string | undefined]> = {
  debian: ['PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n', "debian"],
  ubuntu: ["NAME=Ubuntu\nID=ubuntu\nID_LIKE=debian\n", "debian"],
  mint: ['ID=linuxmint\nID_LIKE="ubuntu debian"\n', "debian"],
  fedora: ["ID=fedora\nVERSION_ID=43\n", "fedora"],
  rocky: ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"],
  oracle: ['ID="ol"\nID_LIKE="fedora"\n', "fedora"],
  manjaro: ["ID=manjaro\nID_LIKE=arch\n", "arch"],
  alpine: ["ID=alpine\n", "alpine"],
  tumbleweed: ['ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', "suse"],
  singleQuotes: ["ID='debian'\n", "debian"],
  // PRETTY_NAME, VARIANT_ID and the like must not be taken for ID.
  unknown: ["VARIANT_ID=debian\nNAME=debian\nID=nixos\n", undefined],
  empty: ["", undefined],
};

for (const [name, [text, family]] of Object.entries(OS_RELEASES)) {
  Deno.test(`packages: the os-release of ${name} is of the family ${family}`, () => {
    assert.equal(distributionOf(text), family);
  });
}

Deno.test("packages: names differ by distribution, and each stands once", () => {
  assert.deepEqual(packagesFor("debian", ["libpcap", "iptables", "libpcap"]), [
    "libpcap0.8",
    "iptables",
  ]);
  assert.deepEqual(packagesFor("suse", ["libpcap"]), ["libpcap1"]);
  assert.deepEqual(packagesFor("debian", ["cc"]), ["gcc", "libc6-dev"]);
});

Deno.test("packages: dnf where it is, yum where it is not", () => {
  const words = (managers: string[]) =>
    installCommands("fedora", ["ipset"], (name) => managers.includes(name)).at(-1)!.join(" ");
  assert.equal(words(["dnf", "yum"]), "dnf install --assumeyes ipset");
  assert.equal(words(["yum"]), "yum install --assumeyes ipset");
  assert.equal(words([]), "dnf install --assumeyes ipset");
});

Deno.test("packages: apt refreshes its lists first and waits for another apt", () => {
  const [refresh, install] = installCommands("debian", ["ipset"], () => true);
  assert.deepEqual(refresh, ["apt-get", "update"]);
  assert.equal(install[0], "apt-get");
  assert.ok(install.includes("--yes"));
});

Deno.test("packages: the hint is what a person types where the distribution is known", () => {
  const here = () => true;
  assert.equal(installHint(["ipset"], "alpine", here), "apk add ipset");
  assert.equal(installHint(["libpcap", "ipset"], "debian", here), "apt install libpcap0.8 ipset");
  assert.equal(
    installHint(["ipset", "iptables"], "unknown", here),
    "install ipset, iptables with your package manager",
  );
});

Deno.test("packages: programs are found in system directories that the path leaves out", () => {
  assert.match(findProgram("sh", "relative:/nonexistent") ?? "", /\/bin\/sh$/);
  assert.equal(findProgram("no-such-program"), undefined);
  assert.equal(findProgram("..", "/usr/bin"), undefined, "a directory is no program");
});

Deno.test("packages: a program in the directory where one stands is not taken", async () => {
  const directory = await Deno.makeTempDir({ dir: ".", prefix: "pfw-path-" });
  try {
    await Deno.writeTextFile(`${directory}/pfw-no-such`, "#!/bin/sh\n", { mode: 0o755 });
    assert.equal(findProgram("pfw-no-such", directory), undefined);
    assert.equal(findProgram("pfw-no-such", await Deno.realPath(directory)) !== undefined, true);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
