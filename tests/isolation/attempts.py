"""Run as a program: confines another one as a replay would, and prints as JSON what that one was able to do.

The standard library and checker.isolation only, so that it can run under any account.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
from pathlib import Path

from checker.isolation.layers import hidden_paths, isolate
from checker.isolation.supervised import Supervised

INSIDE = """
import json, os, socket, subprocess, sys
ours, other, listening, runner_file, parent = json.loads(sys.argv[1])

def attempt(work):
    try:
        return work()
    except OSError as error:
        return type(error).__name__

def connected(port):
    with socket.create_connection(("127.0.0.1", port), 5) as one:
        return one.recv(100).decode()

def by_unix_socket():
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(listening)
        return one.recv(100).decode()

print(json.dumps({
    "our server": attempt(lambda: connected(ours)),
    "another server": attempt(lambda: connected(other)),
    "a Unix socket": attempt(by_unix_socket),
    "the network": attempt(lambda: socket.create_connection(("192.0.2.1", 5432), 5) and "reached"),
    "environment of another process": attempt(lambda: open(f"/proc/{parent}/environ", "rb").read() and "read"),
    "memory of another process": attempt(lambda: open(f"/proc/{parent}/mem", "rb").close() or "read"),
    "signal to another process": attempt(lambda: os.kill(parent, 0) or "sent"),
    "writing the runner's file": attempt(lambda: open(runner_file, "a").write("verdict=pass") and "written"),
    "reading the runner's file": attempt(lambda: open(runner_file).read() + "read"),
    "a file of its own": attempt(lambda: open(os.path.join(os.environ["TMPDIR"], "own"), "w").write("x") and "written"),
    "a pair of sockets": attempt(lambda: bool(socket.socketpair()) and "made"),
    "a child": attempt(lambda: subprocess.run(["true"]).returncode),
    "new privileges": [l.split()[1] for l in open("/proc/self/status") if l.startswith("NoNewPrivs")][0],
    "capabilities": [l.split()[1] for l in open("/proc/self/status") if l.startswith("CapEff")][0],
}))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{place}/.s.PGSQL.5432")
        listener.listen()
        runner_file = Path(place, "_runner_file_commands", "set_output")
        runner_file.parent.mkdir()
        runner_file.touch()
        own = Path(place, "tmp")
        own.mkdir()
        own.chmod(0o777)
        Path(place).chmod(0o755)
        host, port = servers[0].getsockname()
        with isolate(host, port, hidden_paths({"GITHUB_OUTPUT": str(runner_file)})) as isolation:
            where = isolation.place[1] if isolation.place else port
            asked = [where, servers[1].getsockname()[1], listener.getsockname(), str(runner_file), os.getpid()]
            argv = [sys.executable, "-I", "-c", INSIDE, json.dumps(asked)]
            environ = {"PATH": os.environ["PATH"], "TMPDIR": str(own)}
            confinement, environ = isolation.for_program([Path(sys.executable)], environ, None)  # type: ignore[assignment]
            running = Supervised(argv, cwd=Path("/"), environ=environ, confinement=confinement)
            if not isolation.missing:
                client, _ = servers[0].accept()
                client.sendall(b"hello")
                client.close()
            with running.stdout:
                output = running.stdout.read().decode()
            status = running.process.wait()
        print(json.dumps({"status": status, "missing": isolation.missing, "output": output}))


if __name__ == "__main__":
    main()
