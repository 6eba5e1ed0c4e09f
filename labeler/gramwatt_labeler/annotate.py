"""Grades as annotations in an existing Grafana: a region over the window's time, with its grade."""

from __future__ import annotations

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException, GrafanaServerError, TokenAuth

from . import units
from .errors import Rejected, TryAgain
from .model import Graded

_NO_ENTRY = (401, 403)


class Annotator:
    """Writes annotations with a service-account token (Grafana's permission annotations:create is enough)."""

    def __init__(self, url: str, token: str, timeout: float = 5.0) -> None:
        self._url = url
        self._grafana = GrafanaApi.from_url(url, credential=TokenAuth(token), timeout=timeout)  # type: ignore[no-untyped-call]

    def add(self, graded: Graded, link: str) -> None:
        """Add one annotation. Raises TryAgain when Grafana is away, Rejected when it says no."""
        window = graded.window
        try:
            self._grafana.annotations.add_annotation(
                time_from=round(window.start * 1000),
                time_to=round(window.end * 1000),
                tags=["gramwatt", window.phase or "window", graded.grade.letter or "not-graded"],
                text=annotation_text(graded, link),
            )
        except GrafanaServerError as error:
            raise TryAgain(f"Grafana at {self._url} failed: {error.message}") from None
        except GrafanaClientError as error:
            message = f"Grafana at {self._url} refused the annotation: {error.message}"
            if error.status_code in _NO_ENTRY:  # it refuses them all, until the token is changed
                raise TryAgain(message) from None
            raise Rejected(message) from None
        except (GrafanaException, OSError) as error:  # what its HTTP library raises are OSErrors
            raise TryAgain(f"no answer from Grafana at {self._url}: {type(error).__name__}") from None


def annotation_text(graded: Graded, link: str) -> str:
    """Plain text; Grafana shows annotations as sanitised HTML, so markup characters are written as entities."""
    grade, measured = graded.grade, graded.measurement
    text = f"{graded.window.name}: {grade.text}"
    if grade.energy_per_unit_joules is not None:
        text += f", {units.energy(grade.energy_per_unit_joules)} per {grade.unit}"
    if measured is not None:
        text += f", {units.energy(measured.energy_joules)}"
        if measured.imported is not None:
            text += f", {measured.imported.text}"
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'{escaped} <a href="{link}">label</a>'
