"""Any quantity of the kept runs against any other, with the runs that no other beats in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from . import charts, words
from .errors import Unusable
from .runs import Summary

_NUMBERS = (
    "parameters", "epochs", "samples", "accuracy", "recognised", "loss", "images", "new_tokens", "tokens_per_second",
)  # fmt: skip
_MORE_IS_BETTER = {"accuracy", "recognised", "tokens_per_second", "new_tokens", "images", "samples"}
_UNITS = {"joules": "J", "seconds": "s", "watts": "W", "grams": "g"}
_SAID = {
    "joules": "energy", "seconds": "time", "watts": "power", "grams": "CO2", "cpu": "CPU", "gpu": "GPU", "dram": "DRAM",
}  # fmt: skip
FORMATS = (".svg", ".png", ".html")


@dataclass(frozen=True)
class Value:
    """One quantity of a run. ``below``: it is an energy below the floor, and ``number`` is the floor."""

    number: float
    below: bool = False


def metrics(summary: Summary) -> dict[str, Value]:
    """Every quantity of a run that is known. ``joules`` is all of it, ``train_joules`` that of a phase."""
    found = {
        name: Value(float(summary[name])) for name in _NUMBERS if isinstance(summary.get(name), (int, float))
    }
    phases: Mapping[str, Mapping[str, Any]] = summary["phases"]
    for phase, used in phases.items():
        prefix = "" if phase == "whole" else f"{phase}_"
        found |= _of_phase(prefix, used)
    if "joules" not in found and len(phases) == 1:
        found |= _of_phase("", next(iter(phases.values())))
    for unit, joules in (summary.get("per_unit_joules") or {}).items():
        if joules is not None:
            name = "joules_per_token" if unit == "token" else f"{unit}_joules_per_image"
            found[name] = Value(joules)
    return found


def _of_phase(prefix: str, used: Mapping[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    below = bool(used.get("below_floor"))
    for name in _UNITS:
        number = used.get(name)
        if name == "joules" and below:
            number = used.get("floor_joules")
        if isinstance(number, (int, float)) and not (below and name in ("watts", "grams")):
            found[prefix + name] = Value(float(number), below and name == "joules")
    for unit, components in (("joules", used.get("components")), ("grams", used.get("component_grams"))):
        for component, number in (components or {}).items():
            found[f"{prefix}{component}_{unit}"] = Value(float(number))
    return found


def known(summaries: Sequence[Summary]) -> list[str]:
    """The names of all quantities that any of the runs has."""
    return sorted({name for summary in summaries for name in metrics(summary)})


def plot(
    summaries: Sequence[Summary],
    x: str,
    y: str,
    log: Sequence[str] = (),
    kind: str = "",
) -> tuple[charts.Spec, list[dict[str, Any]]]:
    """The chart and its points, each with name, x, y, group, below, front. Raises Unusable naming what is allowed.

    ``log`` has ``x`` and ``y`` where an axis goes by powers of ten.
    """
    chosen = [one for one in summaries if one.get("kind") != "floor" and kind in ("", one.get("kind"))]
    if not chosen:
        raise Unusable(
            f"no run is kept{f' of kind {kind}' if kind else ''}: run `python -m explore {kind or 'classify'}` first"
        )
    names = known(chosen)
    for option, name in (("--x", x), ("--y", y)):
        if name not in names:
            raise Unusable(
                f"{option} {name!r} is no quantity of the kept runs; allowed are {', '.join(names)}"
            )
    points = _told_apart([point for one in chosen if (point := _point(one, x, y)) is not None])
    if not points:
        raise Unusable(f"--x {x} --y {y}: no kept run has both; allowed are {', '.join(names)}")
    for axis in log:
        if any(point[axis] <= 0 for point in points):
            raise Unusable(f"--log: {(x if axis == 'x' else y)} has values of 0, which no power of ten is")
    best = front(points, x in _MORE_IS_BETTER, y in _MORE_IS_BETTER)
    for point in points:
        point["front"] = point in best
    across = _title(x, False)
    across = across if across[1:2].isupper() else across[:1].lower() + across[1:]
    heading = (
        f"{_title(y, False)} against {across}",
        f"{len(points)} kept run{'s'[: len(points) != 1]}; {_best_in_words(best)}"
        + (
            "; a hollow point is below what the sensors can resolve"
            if any(p["below"] for p in points)
            else ""
        ),
    )
    spec = charts.scatter(points, best, (_title(x), _title(y)), ("x" in log, "y" in log), heading)
    return spec, points


def _best_in_words(best: Sequence[Mapping[str, Any]]) -> str:
    if len(best) == 1:
        return f"{words.short(str(best[0]['name']), 40)} beats all others in both"
    return "the line leads along those that no other beats in both"


def front(points: Sequence[dict[str, Any]], more_x: bool, more_y: bool) -> list[dict[str, Any]]:
    """The Pareto front: the points than which no other is better in one quantity and at least as good in the other."""

    def worth(point: Mapping[str, Any]) -> tuple[float, float]:
        return (point["x"] if more_x else -point["x"]), (point["y"] if more_y else -point["y"])

    def beaten(one: Mapping[str, Any]) -> bool:
        mine = worth(one)
        return any(
            other[0] >= mine[0] and other[1] >= mine[1] and other != mine for other in map(worth, points)
        )

    return sorted((point for point in points if not beaten(point)), key=lambda point: float(point["x"]))


def write(
    file: Path, spec: charts.Spec, points: Sequence[Mapping[str, Any]], titles: tuple[str, str]
) -> None:
    """As SVG, PNG or a page with the numbers below the chart, by the end of the name. Raises Unusable."""
    if file.suffix not in FORMATS:
        raise Unusable(f"--output {file}: its name must end in {', '.join(FORMATS)}")
    content = charts.png(spec) if file.suffix == ".png" else charts.svg(spec).encode()
    if file.suffix == ".html":
        content = _page(content.decode(), str(spec["title"]["text"]), points, titles).encode()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise Unusable(f"--output {file}: cannot be written: {error.strerror}") from None


def table(points: Sequence[Mapping[str, Any]], titles: tuple[str, str]) -> str:
    """The numbers of a chart; a star is on the front."""
    lines = [
        (words.short(name, 40), group, x, y, "*" if is_front else "")
        for name, group, x, y, is_front in _lines(points)
    ]
    return words.table(("model", "on", *titles, "front"), lines)


def _point(summary: Summary, x: str, y: str) -> dict[str, Any] | None:
    found = metrics(summary)
    if x not in found or y not in found:
        return None
    group = f"{summary.get('data') or summary.get('weights', '')}, {summary.get('backend', '')} {summary['device']}"
    return {
        "name": str(summary["model"]), "epochs": summary.get("epochs"), "seed": summary.get("seed"),
        "x": found[x].number, "y": found[y].number, "group": group, "below_x": found[x].below,
        "below_y": found[y].below, "below": found[x].below or found[y].below,
    }  # fmt: skip


def _told_apart(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Names of the same model get its epochs, and its seed where that is not enough."""
    for about in ("epochs", "seed"):
        found: dict[tuple[str, str], set[Any]] = {}
        for point in points:
            found.setdefault((point["name"], point["group"]), set()).add(point[about])
        for point in points:
            if (
                len(found[point["name"], point["group"]]) > 1
            ):  # each point is looked up before its name changes
                number = point[about]
                point["name"] += (
                    f", seed {number}" if about == "seed" else f", {number} epoch{'s'[: number != 1]}"
                )
    return points


def _lines(points: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str, str, bool]]:
    """Name, group, x, y and whether it is on the front; the least x first."""
    ordered = sorted(points, key=lambda point: float(point["x"]))
    return [
        (str(one["name"]), str(one["group"]), _number(one, "x"), _number(one, "y"), bool(one["front"]))
        for one in ordered
    ]


def _number(point: Mapping[str, Any], axis: str) -> str:
    value = float(point[axis])
    written = f"{value:,.0f}" if value.is_integer() or abs(value) >= 10_000 else f"{value:.4g}"
    return ("< " if point[f"below_{axis}"] else "") + written


def _title(name: str, unit: bool = True) -> str:
    """``train_joules`` -> ``Train energy, J``."""
    if name == "tokens_per_second":
        return "Tokens per second"
    parts = name.split("_")
    said = " ".join(_SAID.get(part, part) for part in parts)
    symbol = next((_UNITS[part] for part in parts if part in _UNITS), "") if unit else ""
    return said[:1].upper() + said[1:] + (f", {symbol}" if symbol else "")


def _page(svg: str, heading: str, points: Sequence[Mapping[str, Any]], titles: tuple[str, str]) -> str:
    cells = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in (*line, "yes" if is_front else "")) + "</tr>"
        for *line, is_front in _lines(points)
    )
    head = "".join(f"<th>{escape(one)}</th>" for one in ("model", "on", *titles, "on the front"))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(heading)}</title><style>
body {{ font: 15px/1.5 "Liberation Sans", Arial, sans-serif; color: #1d2420; max-width: 760px; margin: 24px auto;
padding: 0 16px; background: #fff }}
svg {{ max-width: 100%; height: auto }} table {{ border-collapse: collapse; width: 100%; margin-top: 8px }}
th, td {{ text-align: right; padding: 5px 10px; border-bottom: 1px solid #d9dfdb }}
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) {{ text-align: left }}
</style></head><body>{svg}<table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table></body></html>
"""
