"""Confines and supervises what the checker runs; standard library only, a process of its own for each task.

    python -I -S -B shim supervise FD JSON -- PROGRAM ARGUMENT...
    python -I -S -B shim confine JSON -- PROGRAM ARGUMENT...
    python -I -S -B shim network FD
    python -I -S -B shim relay FD LISTENER HOST PORT

FD is a pipe or socket whose other end the checker holds: when it closes, which it does however the checker ends, the
task ends too.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Carry out one task."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[0] = here.removesuffix(os.path.join("checker", "isolation", "shim"))
    task, descriptor, *arguments = sys.argv[1:]
    if task == "confine":
        from checker.isolation.shim.supervise import become_confined

        become_confined(descriptor, arguments[1:])
    elif task == "supervise":
        from checker.isolation.shim.supervise import supervise

        supervise(int(descriptor), arguments[0], arguments[2:])
    elif task == "network":
        from checker.isolation.shim.network import serve_namespace

        serve_namespace(int(descriptor))
    else:
        from checker.isolation.shim.relay import relay

        relay(int(descriptor), int(arguments[0]), arguments[1], int(arguments[2]))


if __name__ == "__main__":
    main()
