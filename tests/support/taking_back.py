"""Adds, uploads, calls for and lists evaluations of a site, for tests of what is corrected or taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from api_site import RUN, Site

TABLE = b"model,phase,energy_wh,samples,run_id\nacme/a,training,10,100,\nacme/b,training,20,100,run-b\n"
VALUES: dict[str, Any] = {"energy": {"value": 1.35, "unit": "kWh"}, "emissions": 420, "accuracy": 0.91}
CODECARBON = Path(__file__).parents[1] / "fixtures" / "codecarbon"


def added(site: Site, role: str = "contributor", **more: Any) -> str:
    answer = site.post("evaluations", RUN | more, role)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["evaluations"][0]["id"])


def uploaded(site: Site, content: bytes = TABLE, **fields: str) -> Any:
    return site.client.post(
        "/api/v1/evaluations/import",
        files={"files": ("runs.csv", content)},
        data=fields,
        headers=site.headers(),
    ).json()


def call(site: Site, method: str, path: str, role: str = "contributor", **more: Any) -> Any:
    return site.client.request(method, f"/api/v1/{path}", headers=site.headers(role), **more)


def listed(site: Site, query: str = "") -> list[str]:
    return [one["id"] for one in site.get(f"evaluations{query}").json()["evaluations"]]


def database(site: Site) -> list[str]:
    return ["--data.database-url", f"sqlite:///{site.file}"]
