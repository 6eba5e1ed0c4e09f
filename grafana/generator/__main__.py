"""``python -m grafana.generator [--check]``: writes grafana/dashboards/*.json, or finds them out of date."""

from __future__ import annotations

import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.generator import (
    budgets,
    compare,
    footprint,
    grid,
    health,
    live,
    machine,
    machines,
    runs,
    start,
    users,
)

BOARDS = (start, live, machines, machine, users, runs, compare, grid, budgets, footprint, health)
TARGET = Path(__file__).parents[1] / "dashboards"


def render() -> dict[str, str]:
    """File name -> content, for every dashboard."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    built = [module.build().build() for module in BOARDS]
    return {f"{dashboard.uid}.json": encoder.encode(dashboard) + "\n" for dashboard in built}


def main(arguments: list[str]) -> int:
    """Returns the exit status: 1 when ``--check`` finds a difference."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m grafana.generator [--check]", file=sys.stderr)
        return 2
    wanted = render()
    present = {path.name: path.read_text() for path in TARGET.glob("*.json")}
    if arguments:
        stale = sorted(
            name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name)
        )
        if stale:
            print(f"out of date: {', '.join(stale)}; run `python -m grafana.generator`", file=sys.stderr)
        return 1 if stale else 0
    for name in present.keys() - wanted.keys():
        (TARGET / name).unlink()
    for name, text in wanted.items():
        (TARGET / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
