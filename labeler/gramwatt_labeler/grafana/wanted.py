"""What shall be in Grafana: the folder, the data source with the interval that was learned, and the dashboards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import NotFound

FOLDER_UID = "gramwatt"
FOLDER_TITLE = "Gramwatt"
DATASOURCE_UID = "gramwatt-prometheus"

# What Grafana adds to a dashboard when it stores it, and counts up at every save.
_GRAFANAS_OWN = frozenset({"id", "version", "iteration"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Definitions by uid, as Grafana's API takes them. Of a data source only the keys that matter here."""

    datasource: Mapping[str, Any]
    dashboards: Mapping[str, Mapping[str, Any]]


def load(folder: Path, datasource_url: str, interval: int) -> Wanted:
    """The dashboards of ``folder``. ``interval`` is that of the scrapes, in seconds. Raises NotFound."""
    found: dict[str, Mapping[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            dashboard = json.loads(path.read_text())
            found[str(dashboard["uid"])] = own(dashboard)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotFound(f"{path} is no dashboard: {error}") from None
    if not found:
        raise NotFound(f"there is no dashboard in {folder}; name its folder with --dashboards")
    source = {
        "uid": DATASOURCE_UID,
        "name": "Gramwatt Prometheus",
        "type": "prometheus",
        "access": "proxy",
        "url": datasource_url,
        "jsonData": {"httpMethod": "POST", "timeInterval": f"{interval}s"},
    }
    return Wanted(source, found)


def own(dashboard: Mapping[str, Any]) -> dict[str, Any]:
    """A dashboard without what Grafana adds to it."""
    return {key: value for key, value in dashboard.items() if key not in _GRAFANAS_OWN}


def text(definition: Mapping[str, Any]) -> str:
    """A definition as lines that can be compared, and as the files are written."""
    return json.dumps(definition, indent=2, sort_keys=True) + "\n"
