"""``gramwatt-labeler user``: who may log in to the web pages and write, with passwords and tokens."""

from __future__ import annotations

import argparse
import getpass
import shlex
import sys
import time

import msgspec

from ..config import Config
from ..errors import InputError
from ..store import Store
from ..store.people import People, Role, Scope
from .argument_types import of_arguments
from .author import BY
from .verbs import add_dry_run, add_verbs, with_json

_SCOPE_OF = {Role.VIEWER: Scope.READ, Role.CONTRIBUTOR: Scope.WRITE, Role.MANAGER: Scope.MANAGE}


def add_arguments(command: argparse.ArgumentParser, settings: argparse.ArgumentParser) -> None:
    """One subcommand for each thing to do."""
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    actions = add_verbs(command, with_json(settings), "ACTION", dest="action")
    roles = [role.value for role in Role]
    add = actions.add_parser("add", help="a new user; prints a token for the REST API, once")
    add.add_argument("name", metavar="NAME", help="the user's name")
    add.add_argument(
        "--role", choices=roles, default=Role.CONTRIBUTOR.value, help=f"default: {Role.CONTRIBUTOR.value}"
    )
    add.add_argument(
        "--password", action="store_true", help="ask for a password (or read a line), to log in with"
    )
    add.add_argument("--no-token", action="store_true", help="make no token")
    passwd = actions.add_parser("passwd", help="another password; ends all sessions")
    passwd.add_argument("name", metavar="NAME", help="the user's name")
    token = actions.add_parser("token", help="one more token, printed once")
    token.add_argument("name", metavar="NAME", help="the user's name")
    token.add_argument(
        "--scope",
        choices=[scope.value for scope in Scope],
        default=Scope.WRITE.value,
        help=f"what it allows (default: {Scope.WRITE.value})",
    )
    token.add_argument("--label", default="command line", metavar="TEXT", help="what it is for")
    token.add_argument("--days", type=int, metavar="N", help="until it expires; default: never")
    role = actions.add_parser("role", help="another role")
    role.add_argument("name", metavar="NAME", help="the user's name")
    role.add_argument("role", choices=roles, help="the new role")
    for action, words in (
        ("disable", "refuse every login and token of a user; ends all sessions"),
        ("enable", "allow logins and tokens of a user again"),
    ):
        one = actions.add_parser(action, help=words)
        one.add_argument("name", metavar="NAME", help="the user's name")
    for one in actions.choices.values():
        add_dry_run(one)
    actions.add_parser("list", help="all users")


def main(options: argparse.Namespace, config: Config) -> int:
    """Do it. Everything is in the audit."""
    is_dry = getattr(options, "dry_run", False)
    store = Store(config.database_url, keeps=not is_dry)
    try:
        with of_arguments(name="NAME", role="NAME"):
            found = _do(options, People(store.database), time.time())
    finally:
        store.close()
    if is_dry and isinstance(found, dict):
        found |= {"kept": "no"}
    if options.action == "add" and not options.password and not is_dry:
        print(
            f"gramwatt-labeler: {options.name} has a token alone, for REST. To log in to the pages: "
            f"gramwatt-labeler user passwd {shlex.quote(options.name)}",
            file=sys.stderr,
        )
    if options.json:
        print(msgspec.json.encode(found).decode())
    else:
        for line in found if isinstance(found, list) else [found]:
            print("  ".join(f"{name}: {value}" for name, value in line.items()))
    return 0


def _do(options: argparse.Namespace, people: People, now: float) -> list[dict[str, str]] | dict[str, str]:
    match options.action:
        case "add":
            role = Role(options.role)
            people.add(options.name, role, _password() if options.password else "", BY, now)
            found = {"user": options.name, "role": role.value}
            if not options.no_token and not options.dry_run:
                found["token"] = people.new_token(options.name, "command line", _SCOPE_OF[role], BY, now)
            return found
        case "passwd":
            people.change(options.name, BY, now, password=_password())
        case "token":
            expires = now + options.days * 86400 if options.days is not None else None
            secret = people.new_token(options.name, options.label, Scope(options.scope), BY, now, expires)
            found = {"user": options.name, "scope": options.scope}
            return found if options.dry_run else found | {"token": secret}
        case "role":
            people.change(options.name, BY, now, role=Role(options.role))
        case "disable" | "enable":
            people.change(options.name, BY, now, disabled=options.action == "disable")
        case _:
            return [
                {
                    "user": one.name, "role": one.role.value,
                    "state": "disabled" if one.disabled else "enabled",
                    "password": "yes" if one.has_password else "no",
                }
                for one in people.users()
            ]  # fmt: skip
    return {"user": options.name, options.action: "done"}


def _password() -> str:
    """From the terminal, twice; from a pipe one line. Never from an argument, which everybody on the machine sees."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise InputError("password: the two were different")
    return first
