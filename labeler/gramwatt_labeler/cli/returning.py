"""``gramwatt-labeler roi``: whether a tactic that makes a model cheaper to run pays back."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from ..config import Config
from ..errors import InputError
from ..roi import Plan, Return, returns
from ..roi.asked import INPUTS, energy_of, plan_of, read
from ..units import energy, mass, number


def add_arguments(command: argparse.ArgumentParser) -> None:
    """A flag for each field of the page."""
    for one in INPUTS:
        example = f"{one.hint} {one.unit}".strip().replace("%", "%%")
        words = f"{one.label[0].lower()}{one.label[1:]}, such as '{example}'"
        command.add_argument(
            f"--{one.name.replace('_', '-')}", dest=one.name, default="", metavar="VALUE", help=words
        )
    command.add_argument("--baseline", default="", metavar="ID", help="an evaluation instead of --old")
    command.add_argument("--after", default="", metavar="ID", help="an evaluation instead of --new")
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def main(options: argparse.Namespace, config: Config) -> int:
    """Raises InputError with every wrong field, NotFound for an evaluation that is not there."""
    from ..store import Store  # here: numbers alone need no database, and its library takes long to import

    form = {one.name: getattr(options, one.name) for one in INPUTS}
    store: Store | None = None
    try:
        for name, evaluation in (("old", options.baseline), ("new", options.after)):
            if evaluation and not form[name]:
                store = store or Store(config.database_url)
                form[name] = f"{energy_of(store.evaluation(evaluation)):.9g} J"
    finally:
        if store is not None:
            store.close()
    values, wrong = read(form)
    if wrong:
        raise InputError("; ".join(f"--{name.replace('_', '-')}: {text}" for name, text in wrong.items()))
    plan = plan_of(values)
    outcome = returns(plan)
    print(json.dumps(asdict(outcome), indent=2) if options.json else _text(plan, outcome))
    return 0


def _text(plan: Plan, outcome: Return) -> str:
    even = "never pays back"
    if outcome.break_even_calls is not None:
        even = f"pays back after {outcome.break_even_calls:,} calls ({number(outcome.break_even_days or 0.0)} days)"
    share = "not defined" if outcome.roi is None else f"{number(100 * outcome.roi)} %"
    lines = [even, f"return over {number(plan.calls)} calls: {share}, saved {number(outcome.saved)}"]
    saved = f"energy saved, net: {energy(outcome.saved_joules)}"
    if outcome.saved_grams is not None:
        saved += f", CO2 {mass(outcome.saved_grams)}"
    return "\n".join([*lines, saved])
