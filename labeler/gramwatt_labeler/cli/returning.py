"""``gramwatt-labeler roi``: whether a tactic that makes a model cheaper to run pays back."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..config import Config
from ..errors import ConfigError
from ..render.text import clean
from ..roi import Plan, Return, returns
from ..roi.asked import INPUTS, plan_of, read
from ..roi.keeping import as_tree, completed, kept_form, title_of
from ..units import energy, mass, moment, number
from .argument_types import of_arguments
from .author import BY

if TYPE_CHECKING:
    from ..store import Store


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
    command.add_argument(
        "--keep",
        default="",
        metavar="TITLE",
        help="keep it under this title, on the pages and with its evaluations",
    )
    command.add_argument("--dry-run", action="store_true", help="with --keep: check it and keep nothing")
    command.add_argument("--kept", action="store_true", help="list the kept ones and do nothing else")
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def main(options: argparse.Namespace, config: Config) -> int:
    """Raises ConfigError with every wrong field, NotFound for an evaluation that is not there."""
    if options.kept:
        return _list(options, config)
    asked = {one.name: getattr(options, one.name) for one in INPUTS}
    form = {name: text for name, text in asked.items() if text}
    form |= {name: getattr(options, name) for name in ("baseline", "after") if getattr(options, name)}
    if "baseline" in form or "after" in form:
        with _opened(config, keeps=not options.dry_run) as store:
            form = completed(form, store.evaluation)
    values, wrong = read(form)
    if wrong:
        first, *others = (f"--{name.replace('_', '-')}: {text}" for name, text in wrong.items())
        flag, _, text = "; ".join([first, *others]).partition(": ")
        raise ConfigError(flag, text)
    plan = plan_of(values)
    outcome = returns(plan)
    number = _keep(options.keep, form, config, options.dry_run) if options.keep else None
    if options.json:
        print(json.dumps(asdict(outcome) | ({} if number is None else {"analysis": number}), indent=2))
    else:
        print(_text(plan, outcome) + ("" if number is None else f"\nkept as analysis {number}"))
    return 0


@contextmanager
def _opened(config: Config, keeps: bool = True) -> Iterator[Store]:
    from ..store import Store  # here: numbers alone need no database, and its library takes long to import

    store = Store(config.database_url, keeps)
    try:
        yield store
    finally:
        store.close()


def _keep(title: str, form: Mapping[str, str], config: Config, is_dry: bool) -> int | None:
    """Its number; None for a rehearsal."""
    from ..store.returns import ReturnRows

    with of_arguments(title="--keep"), _opened(config, keeps=not is_dry) as store:
        title = title_of(clean(title).strip())
        number = ReturnRows(store.database).add(title, kept_form(form), BY, time.time())
        return None if is_dry else number


def _list(options: argparse.Namespace, config: Config) -> int:
    from ..store.returns import ReturnRows

    with _opened(config) as store:
        found = ReturnRows(store.database).some(limit=500)
    if options.json:
        print(json.dumps([as_tree(one) for one in found], indent=2))
        return 0
    for one in found:
        print(f"{one.id:>5}  {moment(one.at)}  {clean(one.title)}")
    if not found:
        print("no analysis is kept")
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
