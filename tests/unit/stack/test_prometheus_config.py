"""Prometheus' configuration as `make up` writes it."""

from pathlib import Path

import pytest
import yaml

from stack.prometheus_config import SCRAPED, folder, render
from stack.settings import PORTS, load


def targets(settings_folder: Path) -> dict[str, str]:
    found = {
        path.stem: yaml.safe_load(path.read_text()) for path in (settings_folder / "targets").glob("*.yml")
    }
    return {name: groups[0]["targets"][0] for name, groups in found.items()}


@pytest.mark.slow
def test_moved_ports_are_scraped(tmp_path: Path) -> None:
    settings = load({"STACK_PROMETHEUS_PORT": "19090", "STACK_LABELER_PORT": "20045"}, tmp_path)
    render(settings)
    found = targets(folder(settings))
    assert found["prometheus"] == "127.0.0.1:19090"
    assert found["labeler"] == "127.0.0.1:20045"
    assert found["exporter"] == f"127.0.0.1:{PORTS['exporter'][1]}"


@pytest.mark.slow
def test_without_settings_it_is_the_repository_s_own(tmp_path: Path) -> None:
    settings = load({}, tmp_path)
    render(settings)
    written = folder(settings) / "prometheus.yml"
    own = Path(__file__).parents[3] / "prometheus"
    assert written.read_text() == (own / "prometheus.yml").read_text()
    for name in SCRAPED:
        ours, theirs = ((base / "targets" / f"{name}.yml").read_text() for base in (written.parent, own))
        assert yaml.safe_load(ours) == yaml.safe_load(theirs)


@pytest.mark.slow
def test_writing_again_keeps_folders_that_containers_have_mounted(tmp_path: Path) -> None:
    settings = load({}, tmp_path)
    assert render(settings)
    base = folder(settings)
    before = {path: path.stat().st_ino for path in (base, base / "targets", base / "rules")}
    assert not render(settings), "nothing has changed"
    (base / "rules" / "removed-since.yml").write_text("groups: []\n")
    assert render(settings)
    assert {path: path.stat().st_ino for path in before} == before
    assert not (base / "rules" / "removed-since.yml").exists()
    assert any((base / "rules").iterdir())
