/** The control socket is for pfw's own user, and nonsense on it harms nobody. */
import { equal, match } from "node:assert/strict";
import { kernelTest, NetworkNamespace } from "../support/netns.ts";
import { startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const CONNECT = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
try:
    s.connect(sys.argv[1])
    print("connected")
except OSError as error:
    print(type(error).__name__)
`;

const NONSENSE = `
import os, socket, sys
def send(data, close):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(sys.argv[1])
    try:
        s.sendall(data)
        if close:
            s.shutdown(socket.SHUT_WR)
            s.recv(4096)
    except OSError:
        pass
    return s
kept = []
for data in (b"", b"\\0" * 4096, os.urandom(65536), b"GET / HTTP/9.9\\r\\n\\r\\n",
        b"POST /reload HTTP/1.1\\r\\nContent-Length: 99999999999\\r\\n\\r\\nx",
        b"GET /" + b"a" * 1000000 + b" HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n",
        b"DELETE /status HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n",
        b"GET /../../etc/passwd HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"):
    send(data, True).close()
    kept.append(send(data, False))
for _ in range(200):
    kept.append(send(b"GET /sta", False))
print("sent", flush=True)
sys.stdin.read()
`;

kernelTest("only the user who runs pfw reaches its socket", async () => {
  await using namespace = await NetworkNamespace.create();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  await using pfw = await startPfw(namespace, sandbox);
  const { socket, runDir } = sandbox.paths;
  equal(Deno.statSync(socket).mode! & 0o777, 0o600);
  equal(Deno.statSync(runDir).mode! & 0o777, 0o700);
  // The socket's own mode must do, even where the directories are open to everybody.
  for (const directory of [sandbox.directory, runDir]) Deno.chmodSync(directory, 0o755);
  const connect = ["python3", "-c", CONNECT, socket];
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  equal(await namespace.run(["/usr/bin/env", ...connect]), "connected\n");
  equal(await namespace.run([...nobody, ...systemPython(connect)]), "PermissionError\n");
  equal((await pfw.end()).code, 0);
}, ["setpriv"]);

/** The system's own interpreter: another one may lie where only root can go. */
function systemPython([, ...args]: string[]): string[] {
  return ["/usr/bin/python3", ...args];
}

kernelTest("nonsense and idle connections on the socket harm nobody", async () => {
  await using namespace = await NetworkNamespace.create();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({});
  await using pfw = await startPfw(namespace, sandbox);
  const child = new Deno.Command("python3", {
    args: ["-c", NONSENSE, sandbox.paths.socket],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  match(new TextDecoder().decode((await reader.read()).value), /^sent/);
  const status = await sandbox.status();
  equal(status.kernel.inPlace, true);
  equal((await sandbox.pfw("reload")).code, 0);
  equal((await sandbox.pfw("stop")).code, 0);
  const { code, err } = await pfw.ended;
  equal(code, 0);
  equal(err, "");
  await child.stdin.close();
  await reader.cancel();
  await child.status;
});
