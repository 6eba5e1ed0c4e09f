"""A short command imports what it needs and no more: it starts in a fraction of a second."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

HEAVY = (
    "fastapi",
    "sqlalchemy",
    "alembic",
    "uvicorn",
    "grafana_client",
    "pypdf",
    "prometheus_client",
    "scipy",
)
NOBODY = "http://127.0.0.1:9"
SHOW = (
    "import sys\n"
    "from gramwatt_labeler.__main__ import main\n"
    "try:\n    main(sys.argv[2:])\n"
    "except SystemExit:\n    pass\n"
    "print('IMPORTED', *(name for name in sys.argv[1].split(',') if name in sys.modules))\n"
)


def imported(*arguments: str) -> set[str]:
    """The heavy modules that are there after a command has run, where no database is: in one are managers' scales."""
    ended = subprocess.run(
        [sys.executable, "-c", SHOW, ",".join(HEAVY), *arguments], capture_output=True, text=True, check=True,
        env=os.environ | {"GRAMWATT_LABELER_DATA_DIR": "nowhere"},
    )  # fmt: skip
    return set(ended.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["grade", "--prometheus.url", NOBODY],
        ["label", "--prometheus.url", NOBODY],
        ["scale", "list"],
        ["scales"],
        ["roi", "--help"],
        ["no-such-command"],
    ],
    ids=" ".join,
)
def test_a_short_command_imports_neither_the_web_nor_the_database(arguments: list[str]) -> None:
    assert imported(*arguments) == set()


def test_a_command_that_keeps_something_does_import_the_database() -> None:
    """The list of names above is that of modules that there are."""
    assert imported("db", "check", "--data.database-url", "sqlite://") >= {"sqlalchemy"}
    assert imported("serve", "--help") >= {"fastapi", "uvicorn", "sqlalchemy", "grafana_client"}
