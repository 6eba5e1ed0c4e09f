"""``gramwatt-labeler grade --scheme NAME --input FILE``: given numbers -> grades, without any window."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..config import Config
from ..errors import ConfigError, FactsError, InputError
from ..grading.facts import Facts, Population, grade_facts, grade_members, known_metrics
from ..grading.names import nearest_name
from ..grading.populations import with_columns
from ..grading.scale import RelativeScale, StrepScale
from ..render.text import clean
from ..scale_files import LoadedScale
from ..sources.facts_file import Record, Records, at_record, read_records
from ..sources.facts_text import STANDARD_INPUT, is_json, json_values, read_text
from ..sources.population_file import StrepRequest, members_of_records, read_population, strep_request
from ..verdict_shapes import NamedVerdict
from . import exit_codes, facts_output
from .facts_output import Results
from .scales_in_force import scales_in_force


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What to grade instead of a window."""
    group = command.add_argument_group("numbers instead of a window", "see docs/grading.md for the input")
    group.add_argument("--scheme", metavar="NAME", help="the scale to grade on, such as gaissa or strep")
    group.add_argument("--input", metavar="FILE", help="JSON, JSON Lines or CSV; - for standard input")
    group.add_argument(
        "--population", metavar="FILE", help="the other members, for relative scales and strep"
    )
    group.add_argument("--format", choices=facts_output.FORMATS, help="default: json")


def is_asked(options: argparse.Namespace) -> bool:
    """Whether the arguments are about numbers and not about a window."""
    return any(getattr(options, name) is not None for name in ("scheme", "input", "population", "format"))


def main(options: argparse.Namespace, config: Config) -> int:
    """Print a grade for each record. 0: all were graded; 3: one was not; 2: the input is wrong, nothing is printed."""
    if not options.scheme:
        raise ConfigError(
            "--scheme", "name a scale, such as --scheme gaissa; gramwatt-labeler scales lists them"
        )
    loaded = _scale(options.scheme, config)
    try:
        results = _grade(loaded, options.input or STANDARD_INPUT, options.population)
    except InputError as error:
        print(f"gramwatt-labeler: {clean(str(error))}", file=sys.stderr)
        return exit_codes.USAGE
    if options.population is not None and isinstance(loaded.scale, RelativeScale | StrepScale):
        results = replace(results, population=_identity(options.population))
    form = "json" if options.json else options.format or "json"
    for line in facts_output.lines(results, loaded, form):
        print(line)
    return 0 if all(one.verdict.letter is not None for one in results.found) else exit_codes.NOT_GRADED


def _identity(file: str) -> Mapping[str, str] | None:
    """What the letters depend on beside the scale: the population's file and its hash. None for standard input."""
    if file == STANDARD_INPUT:
        return None
    digest = hashlib.sha256(read_text(file).content.encode()).hexdigest()
    return {"name": Path(file).name, "sha256": digest}


def _scale(name: str, config: Config) -> LoadedScale:
    scales = scales_in_force(config)
    if name not in scales:
        near = nearest_name(name, scales)
        hint = f"; did you mean {near!r}?" if near else ""
        raise ConfigError("--scheme", f"no scale {name[:80]!r}{hint} (known: {', '.join(scales)})")
    return scales[name]


def _grade(loaded: LoadedScale, file: str, population_file: str | None) -> Results:
    known = known_metrics(loaded.scale)
    population: Population | None = None
    if population_file is not None and isinstance(loaded.scale, RelativeScale | StrepScale):
        population = with_columns(read_population(read_text(population_file), known))
        if isinstance(loaded.scale, RelativeScale):
            known = dict.fromkeys((name for row in population.values() for name in row), "")
    text = read_text(file)
    if isinstance(loaded.scale, StrepScale) and population is None:
        if not is_json(text):
            records = _said(read_records(text, known), file, loaded)
            members = members_of_records(records.records)
            return _of_population(StrepRequest(members, loaded.scale, None, loaded.scale.mode), is_lines=True)
        values, is_one = json_values(text)
        requests = [strep_request(value, loaded.scale) for value in values]
        every = [one for request in requests for one in _of_population(request).found]
        return Results(every, is_lines=not is_one and all(value.path == "$" for value in values))
    records = _said(read_records(text, known), file, loaded)
    found = [_of_record(loaded, record, population) for record in records.records]
    return Results(found, records.is_one, records.is_lines)


def _said(records: Records, file: str, loaded: LoadedScale) -> Records:
    """Say what of a table is not graded."""
    if records.unused:
        shown = ", ".join(records.unused[:40])
        _warn(f"{file}: columns that {loaded.id.name} does not use: {shown}")
    if records.left_out:
        _warn(f"{file}: {records.left_out} row(s) of runs that did not finish (column status) are left out")
    return records


def _warn(text: str) -> None:
    print(f"gramwatt-labeler: {clean(text)}", file=sys.stderr)


def _of_record(loaded: LoadedScale, record: Record, population: Population | None) -> NamedVerdict:
    try:
        verdict = grade_facts(loaded.scale, record.facts, population)
    except FactsError as error:
        raise at_record(record, error) from None
    odd = [reason for name, reason in record.odd.items() if name in record.facts.metrics]
    return NamedVerdict(verdict, record.name, odd)


def _of_population(request: StrepRequest, is_lines: bool = False) -> Results:
    facts = Facts(weights=request.weights)
    try:
        check = replace(facts, metrics={})
        if request.weights is not None:
            grade_facts(request.scale, check, request.members)
        graded = grade_members(request.scale, request.members, request.weights, request.mode)
    except FactsError as error:
        raise InputError(f"{request.at}: {error}") from None
    return Results([NamedVerdict(verdict, name) for name, verdict in graded.items()], is_lines=is_lines)
