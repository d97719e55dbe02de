"""Python imports this when a project's migration starts another Python: it installs the guards of `driver_guards.py` there.

Nothing else of that process changes: our folder leaves its search path, and its own sitecustomize is imported.
"""

import os
import sys


def _start() -> None:
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [place for place in sys.path if os.path.realpath(place or os.curdir) != here]
    left = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one and os.path.realpath(one) != here]
    os.environ.pop("PYTHONPATH", None)
    if left:
        os.environ["PYTHONPATH"] = os.pathsep.join(left)
    if "PGDATABASE" in os.environ and sys.version_info >= (3, 9):
        path = os.path.join(os.path.dirname(here), "driver_guards.py")
        with open(path, encoding="utf-8") as file:
            code = compile(file.read(), path, "exec")
        names = {"__name__": "_alembic_premerge_driver_guards", "__file__": path}
        exec(code, names)
        names["guard_child"]()  # type: ignore[operator]
    own = sys.modules.pop("sitecustomize", None)
    try:
        __import__("sitecustomize")
    except ImportError:
        if own is not None:
            sys.modules.setdefault("sitecustomize", own)


_start()
