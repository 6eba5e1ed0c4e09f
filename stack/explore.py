"""`make explore`: the exploration of small models, measured by the exporter of this stack."""

from __future__ import annotations

import os
import subprocess
import sys

from .settings import ROOT, StackError, load


def main(arguments: list[str]) -> int:
    """Returns the command's exit status."""
    try:
        settings = load()
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    environ = {**settings.environ, "PYTHONPATH": str(ROOT / "examples")}
    # A client looks in the usual places itself; the exporter of a stack may listen in a folder of its own.
    if not settings.environ.get("GRAMWATT_URL") and settings.socket.exists():
        environ["GRAMWATT_SOCKET_PATH"] = str(settings.socket)
    try:
        command = [sys.executable, "-m", "explore", *arguments]
        return subprocess.run(command, env=environ, cwd=ROOT, check=False).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "100")
    sys.exit(main(sys.argv[1:]))
