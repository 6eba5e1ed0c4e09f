"""`python -m stack COMMAND`: what `make up`, `down`, `status`, `logs`, `demo` and `setup` call."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import budget, compose, demo, native, selfcheck, tools
from .compose_files import GRAFANA_PASSWORD
from .compose_files import folder as secrets_folder
from .settings import Settings, StackError, load


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 when it did what it says, else 1 and the reason on standard error."""
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("tools", help="make sure that Prometheus and Alertmanager are there")
    commands.add_parser("up", help="start, check, print addresses")
    commands.add_parser("down", help="stop")
    commands.add_parser("status", help="check the running stack")
    commands.add_parser("logs", help="last lines of the log")
    demonstration = commands.add_parser("demo", help="train, measure, grade")
    demonstration.add_argument("--zone", default="", help="grid zone for CO2, such as FR; empty: energy only")
    budgets = commands.add_parser(
        "budget", help="set emission budgets: add, list, show, remove", add_help=False
    )
    budgets.add_argument("words", nargs=argparse.REMAINDER)
    arguments = parser.parse_args(argv)
    environ = dict(os.environ)
    if getattr(arguments, "zone", ""):
        environ["GRAMWATT_INTENSITY_ZONE"] = arguments.zone
    try:
        settings = load(environ)
        if arguments.command == "tools":
            tools.ensure()
        elif arguments.command == "budget":
            return budget.run(settings, arguments.words)
        elif arguments.command == "up":
            up(settings)
        elif arguments.command == "down":
            down(settings)
        elif arguments.command == "status":
            print(check(settings))
        elif arguments.command == "logs":
            print(compose.logs(settings) if compose.running(settings) else native.log_tail(settings))
        else:
            if arguments.zone or not (native.running(settings) or compose.running(settings)):
                up(settings)
            demo.run(settings)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def up(settings: Settings) -> None:
    """Start by Docker or natively, then check. Running twice changes nothing."""
    with native.locked(settings):
        by_docker = compose.wanted(settings)
        if by_docker:
            compose.start(settings)
        else:
            print("no Docker engine with Compose v2 here: starting natively", flush=True)
            print(
                f"native stack {native.start(settings)}; log: {settings.var / 'log' / 'stack.log'}",
                flush=True,
            )
        try:
            print(check(settings))
        except StackError as error:
            log = compose.logs(settings) if by_docker else native.log_tail(settings)
            if not by_docker:
                native.stop(settings)
            raise StackError(f"{log}\n\n{error}") from None
    if by_docker:
        print(f"\nGrafana's password: {secrets_folder(settings) / GRAFANA_PASSWORD}")
    elif settings.socket != Path("/run/gramwatt/gramwatt.sock"):
        print(f"\nfor clients: export GRAMWATT_SOCKET_PATH={settings.socket}")


def down(settings: Settings) -> None:
    """Stop whichever way the stack runs."""
    with native.locked(settings):
        by_docker = compose.running(settings)
        if by_docker:
            compose.stop(settings)
        count = native.stop(settings)
    print("stopped" if by_docker or count else "nothing was running")


def check(settings: Settings) -> str:
    """The self-check's report. Raises StackError when something does not work."""
    if compose.running(settings):
        return selfcheck.run(settings, compose.SERVICES)
    if not native.running(settings):
        raise StackError("the stack is not running; start it with `make up`")
    return selfcheck.run(settings, native.services(settings), alive=lambda: native.running(settings))


if __name__ == "__main__":
    sys.exit(main())
