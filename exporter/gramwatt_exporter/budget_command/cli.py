"""The words and answers of ``gramwatt-exporter budgets``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO, get_args, get_type_hints

from ..config import Config, load
from ..config.schema import Budget
from ..errors import ConfigError
from . import edit, outlook, running

PLACES = ("/etc/gramwatt/exporter.yml",)
PROMETHEUS = "http://127.0.0.1:9090"
LABELS: tuple[str, ...] = get_args(get_args(get_type_hints(Budget)["match"])[0])


def run(argv: Sequence[str], environ: Mapping[str, str], stdout: TextIO) -> int:
    """0: done. 2: wrong words or settings, said on standard error; then nothing is changed."""
    arguments = _parser().parse_args(argv)
    try:
        path = _path(arguments, environ)
        lines = _COMMANDS[arguments.action](arguments, path, environ)
    except ConfigError as error:
        print(f"gramwatt-exporter budgets: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines), file=stdout)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gramwatt-exporter budgets",
        description="Emission budgets of the exporter's configuration file. Comments and everything else in the file"
        " stay as they are; a running exporter takes the change over.",
        allow_abbrev=False,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config.file",
        dest="config_file",
        metavar="FILE",
        help=f"YAML settings ($GRAMWATT_CONFIG_FILE, else {PLACES[0]})",
    )
    common.add_argument(
        "--prometheus",
        metavar="URL",
        help=f"for what was emitted lately ($GRAMWATT_PROMETHEUS_URL, else {PROMETHEUS})",
    )
    commands = parser.add_subparsers(dest="action", required=True)
    add = commands.add_parser("add", parents=[common], help="add a budget", allow_abbrev=False)
    add.add_argument("name", metavar="NAME", help="unique; one name is one budget on all machines")
    add.add_argument("--limit", required=True, metavar="MASS", help="for one period: 500g, 50kg, 1.5t")
    add.add_argument(
        "--period",
        default="30d",
        metavar="PERIOD",
        help="day, week, month, quarter, year, or rolling: 30d (30d)",
    )
    for label in LABELS:
        add.add_argument(
            f"--{label}",
            dest=f"match_{label}",
            metavar="REGEX",
            help=f"only what has this {label} (whole match, RE2)",
        )
    add.add_argument(
        "--match",
        action="append",
        default=[],
        metavar="LABEL=REGEX",
        help="the same for any label; may be repeated",
    )
    commands.add_parser("list", parents=[common], help="all budgets of the file", allow_abbrev=False)
    for word, text in (("show", "one budget, what is spent and what can be"), ("remove", "remove a budget")):
        one = commands.add_parser(word, parents=[common], help=text, allow_abbrev=False)
        one.add_argument("name", metavar="NAME", help="the budget's name")
    return parser


def _path(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Path:
    given = arguments.config_file or environ.get("GRAMWATT_CONFIG_FILE", "")
    if given:
        return Path(given)
    for place in PLACES:
        if Path(place).exists():
            return Path(place)
    raise ConfigError("--config.file", f"is missing; name the exporter's YAML file (there is no {PLACES[0]})")


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise ConfigError("--config.file", f"cannot read {path}: {error}") from None


def _checked(text: str, path: Path, environ: Mapping[str, str]) -> Config:
    """The settings that ``text`` would be. Raises ConfigError that names ``path``."""
    with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        try:
            return load(file.name, environ).config
        except ConfigError as error:
            raise ConfigError(error.path, error.message.replace(file.name, str(path))) from None


def _add(arguments: argparse.Namespace, path: Path, environ: Mapping[str, str]) -> list[str]:
    text = _text(path)
    item: dict[str, Any] = {"name": arguments.name, "limit": arguments.limit, "period": arguments.period}
    match = _match(arguments)
    if match:
        item["match"] = match
    new = edit.added(text, item)
    config = _checked(new, path, environ)
    edit.write(path, new)
    budget = _named(config, arguments.name)
    return [
        f"added to {path.resolve()}: {_line(budget)}",
        *_outlook(arguments, config, budget, environ),
        running.reload(config, budget.name, True, environ.get("XDG_RUNTIME_DIR", "")),
    ]


def _match(arguments: argparse.Namespace) -> dict[str, str]:
    match = {label: value for label in LABELS if (value := getattr(arguments, f"match_{label}")) is not None}
    for each in arguments.match:
        label, mark, expression = each.partition("=")
        if not mark or label not in LABELS:
            raise ConfigError(
                "--match", f"{each!r} is not LABEL=REGEX with one of these labels: {', '.join(LABELS)}"
            )
        match[label] = expression
    return match


def _list(_: argparse.Namespace, path: Path, environ: Mapping[str, str]) -> list[str]:
    budgets = _checked(_text(path), path, environ).budgets
    if not budgets:
        return [
            f"{path} has no budget; add one: gramwatt-exporter budgets add NAME --limit 50kg --period month"
        ]
    return [f"{path.resolve()}:", *(f"  {_line(budget)}" for budget in budgets)]


def _show(arguments: argparse.Namespace, path: Path, environ: Mapping[str, str]) -> list[str]:
    config = _checked(_text(path), path, environ)
    budget = _named(config, arguments.name)
    return [f"{path.resolve()}: {_line(budget)}", *_outlook(arguments, config, budget, environ)]


def _remove(arguments: argparse.Namespace, path: Path, environ: Mapping[str, str]) -> list[str]:
    new = edit.removed(_text(path), arguments.name)
    config = _checked(new, path, environ)
    edit.write(path, new)
    return [
        f"removed from {path.resolve()}: {arguments.name}",
        running.reload(config, arguments.name, False, environ.get("XDG_RUNTIME_DIR", "")),
    ]


def _outlook(
    arguments: argparse.Namespace, config: Config, budget: Budget, environ: Mapping[str, str]
) -> list[str]:
    exposition = running.scrape(config) or ""
    intensity = outlook.metric(exposition, "gramwatt_grid_intensity_grams_per_kilowatt_hour", basis="average")
    spent = outlook.metric(exposition, "gramwatt_budget_period_emissions_grams", budget=budget.name)
    prometheus = arguments.prometheus or environ.get("GRAMWATT_PROMETHEUS_URL", "") or PROMETHEUS
    lines = []
    if spent is not None:
        share = spent / float(budget.limit)
        lines.append(
            f"  spent on this machine in the current period: {outlook.mass(spent)}, {share:.1%} of the limit"
        )
    lines.append(f"  {outlook.at_most(budget, outlook.most_watts(config), intensity, config.pue)}")
    lines.append(f"  {outlook.last_month(budget, prometheus)}")
    return lines


def _named(config: Config, name: str) -> Budget:
    for budget in config.budgets:
        if budget.name == name:
            return budget
    known = ", ".join(budget.name for budget in config.budgets)
    raise ConfigError("$.budgets", f"there is no budget {name!r}; there are: {known or 'none'}")


def _line(budget: Budget) -> str:
    match = " and ".join(f"{label} {expression}" for label, expression in budget.match.items())
    rolling = ", rolling" if budget.period.rolling is not None else ""
    return f"{budget.name}: {budget.limit} per {budget.period}{rolling}, {match or 'the whole machine'}"


_COMMANDS = {"add": _add, "list": _list, "show": _show, "remove": _remove}
