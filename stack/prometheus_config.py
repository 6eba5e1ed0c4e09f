"""Prometheus' configuration for the native stack: the repository's own, scraping this stack's ports."""

from __future__ import annotations

from pathlib import Path

from .settings import ROOT, Settings

SCRAPED = ("exporter", "labeler", "prometheus", "alertmanager")


def folder(settings: Settings) -> Path:
    """Where `render` writes prometheus.yml, rules and targets."""
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
