"""Prometheus' configuration for the native stack: the repository's own, scraping this stack's ports."""

from __future__ import annotations

from pathlib import Path

from prometheus.generator import adapt

from .settings import ROOT, Settings, StackError

SCRAPED = ("exporter", "labeler", "prometheus", "alertmanager")


def folder(settings: Settings) -> Path:
    """Where `render` writes prometheus.yml, alertmanager.yml, rules and targets."""
    return settings.var / "run" / "prometheus"


def render(settings: Settings) -> bool:
    """Write the configuration into `folder`; True when that changed anything.

    Further files in prometheus/targets/ (other machines) are taken along as they are. Folders stay the same ones:
    a container has them mounted and would not see a folder that was made anew.
    """
    target, source = folder(settings), ROOT / "prometheus"
    wanted = {name: (source / name).read_text() for name in ("prometheus.yml", "alertmanager.yml")}
    for kind in ("rules", "targets"):
        wanted |= {f"{kind}/{path.name}": path.read_text() for path in (source / kind).glob("*.yml")}
    wanted |= _adapted(settings, wanted, (source / "alertmanager.yml").read_text())
    for service in SCRAPED:
        address = settings.url(service).removeprefix("http://")
        wanted[f"targets/{service}.yml"] = f'- targets: ["{address}"]\n'
    changed = False
    for stale in [path for path in target.rglob("*") if path.is_file()]:
        if str(stale.relative_to(target)) not in wanted:
            stale.unlink()
            changed = True
    for name, text in wanted.items():
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            changed = True
    return changed


def _adapted(settings: Settings, files: dict[str, str], alertmanager: str) -> dict[str, str]:
    """Rules and alertmanager.yml as STACK_RUNBOOKS, STACK_ALERTS_OFF, STACK_ALERT_WEBHOOK and ..._WATCHDOG say."""
    choices = adapt.Choices(
        runbooks=settings.environ.get("STACK_RUNBOOKS", ""),
        off=adapt.words(settings.environ.get("STACK_ALERTS_OFF", "")),
        webhook=settings.environ.get("STACK_ALERT_WEBHOOK", ""),
        watchdog=settings.environ.get("STACK_ALERT_WATCHDOG", ""),
    )
    rules = {name: text for name, text in files.items() if name.startswith("rules/")}
    try:
        adapt.check_off(choices.off, rules.values())
    except adapt.UnknownAlert as error:
        raise StackError(f"STACK_ALERTS_OFF: {error}") from None
    adapted = {name: adapt.rules(text, choices) for name, text in rules.items()}
    return {**adapted, "alertmanager.yml": adapt.alertmanager(alertmanager, choices)}
