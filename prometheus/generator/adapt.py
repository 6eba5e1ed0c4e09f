"""The shipped files as one installation wants them: addresses of runbooks, alerts left out, receivers, VictoriaMetrics.

``python -m prometheus.generator adapt FOLDER [--runbooks URL] [--off ALERT]... [--webhook URL] [--watchdog URL]
[--engine victoriametrics]`` writes rules and alertmanager.yml into FOLDER. `make up` does the same by STACK_RUNBOOKS,
STACK_ALERTS_OFF, STACK_ALERT_WEBHOOK and STACK_ALERT_WATCHDOG.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .text import dump

RUNBOOKS = "docs/runbooks/"
# MetricsQL's own rate() and increase() take the sample before the window along. These do as Prometheus does
# (https://docs.victoriametrics.com/metricsql/).
_VICTORIA = ("increase", "delta")
# rate_prometheus() came later than increase_prometheus(): Debian 13's VictoriaMetrics 1.112 lacks it.
_RATE = re.compile(r"\brate\(([^()\[]*\[(\d+)([smhdw])\])\)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Choices:
    """What an installation changes. ``runbooks`` is the address of the folder docs/runbooks/ of some copy of it."""

    runbooks: str = ""
    off: tuple[str, ...] = ()
    webhook: str = ""
    watchdog: str = ""
    victoria: bool = False

    @property
    def changes_rules(self) -> bool:
        """Whether any rule file differs from the shipped one."""
        return bool(self.runbooks or self.off or self.victoria)


class UnknownAlert(ValueError):
    """An alert that no rule file has. The message names those there are."""


def words(text: str) -> tuple[str, ...]:
    """Names between commas or spaces."""
    return tuple(word for word in re.split(r"[,\s]+", text) if word)


def rules(text: str, choices: Choices) -> str:
    """A rule file with these choices."""
    if not choices.changes_rules:
        return text
    groups: list[dict[str, Any]] = yaml.safe_load(text)["groups"]
    for group in groups:
        kept = [rule for rule in group["rules"] if rule.get("alert") not in choices.off]
        group["rules"] = [_rule(rule, choices) for rule in kept]
    return dump({"groups": [group for group in groups if group["rules"]]})


def alertmanager(text: str, choices: Choices) -> str:
    """alertmanager.yml with a webhook for people and one for the dead man's switch."""
    if not (choices.webhook or choices.watchdog):
        return text
    tree = yaml.safe_load(text)
    for receiver in tree["receivers"]:
        url = {"people": choices.webhook, "watchdog": choices.watchdog}.get(receiver["name"], "")
        if url:
            receiver["webhook_configs"] = [{"url": url, "send_resolved": receiver["name"] == "people"}]
    return dump(tree)


def check_off(off: Collection[str], texts: Iterable[str]) -> None:
    """Raises UnknownAlert for a name that none of these rule files has."""
    known = {
        rule["alert"]
        for text in texts
        for group in yaml.safe_load(text)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    unknown = sorted(set(off) - known)
    if unknown:
        raise UnknownAlert(f"no alert {', '.join(unknown)}; there are: {', '.join(sorted(known))}")


def main(source: Path, arguments: list[str]) -> int:
    """Write the adapted files of ``source`` (the folder prometheus/)."""
    parser = argparse.ArgumentParser(prog="python -m prometheus.generator adapt", allow_abbrev=False)
    parser.add_argument("folder", type=Path, help="where rules/ and alertmanager.yml are written")
    parser.add_argument("--runbooks", default="", help="address of docs/runbooks/, for links in messages")
    parser.add_argument("--off", action="append", default=[], help="an alert to leave out; may be repeated")
    parser.add_argument("--webhook", default="", help="where messages are posted")
    parser.add_argument("--watchdog", default="", help="a dead man's switch")
    parser.add_argument("--engine", choices=("prometheus", "victoriametrics"), default="prometheus")
    given = parser.parse_args(arguments)
    choices = Choices(
        given.runbooks, tuple(given.off), given.webhook, given.watchdog, given.engine == "victoriametrics"
    )
    files = {f"rules/{path.name}": path.read_text() for path in sorted((source / "rules").glob("*.yml"))}
    try:
        check_off(choices.off, files.values())
    except UnknownAlert as error:
        parser.error(str(error))
    written = {name: rules(text, choices) for name, text in files.items()}
    written["alertmanager.yml"] = alertmanager((source / "alertmanager.yml").read_text(), choices)
    for name, text in written.items():
        (given.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (given.folder / name).write_text(text)
    return 0


def _rule(rule: dict[str, Any], choices: Choices) -> dict[str, Any]:
    if choices.victoria:
        rule["expr"] = metricsql(rule["expr"])
    annotations = rule.get("annotations", {})
    if choices.runbooks and annotations.get("runbook_url", "").startswith(RUNBOOKS):
        page = annotations["runbook_url"].removeprefix(RUNBOOKS)
        annotations["runbook_url"] = f"{choices.runbooks.rstrip('/')}/{page}"
    return rule


def metricsql(expression: str) -> str:
    """A PromQL expression with Prometheus' meaning in MetricsQL.

    Raises ValueError for a rate() of anything but a selector with a window in one unit.
    """
    replaced = _RATE.sub(
        lambda found: f"(increase({found[1]}) / {int(found[2]) * _SECONDS[found[3]]})", expression
    )
    if re.search(r"\brate\(", replaced):
        raise ValueError(f"a rate() of more than a selector and a window like [5m]: {expression}")
    return re.sub(rf"\b({'|'.join(_VICTORIA)})\(", r"\1_prometheus(", replaced)
