# mypy: disable-error-code="import-not-found,import-untyped,misc,untyped-decorator,unused-ignore"
# The framework is optional: it may be absent, untyped or typed where this is checked.
"""A window for code that uses CodeCarbon, by one more argument of the tracker.

::

    from codecarbon import EmissionsTracker
    from gramwatt.codecarbon import GramwattOutput

    tracker = EmissionsTracker(output_handlers=[GramwattOutput("train", phase="training")])

The window opens here and closes when the tracker stops. CodeCarbon's own figures are kept with it as values, so that
both can be compared. Needs the extra ``gramwatt[codecarbon]``.
"""

from __future__ import annotations

from typing import Any

from codecarbon.output_methods.base_output import BaseOutput

from .recording import Window
from .result import Result

_JOULES_PER_KILOWATT_HOUR = 3_600_000.0
_GRAMS_PER_KILOGRAM = 1000.0


class GramwattOutput(BaseOutput):
    """An output handler for ``codecarbon.EmissionsTracker`` and ``OfflineEmissionsTracker``.

    Arguments are those of :func:`gramwatt.window`. ``result`` is Gramwatt's measurement once the tracker has stopped.
    """

    def __init__(self, name: str, phase: str, **options: Any) -> None:
        self._window = Window(name, phase, **options).start()

    @property
    def result(self) -> Result:
        """The window's result."""
        return self._window.result

    def out(self, total: Any, _: Any) -> None:
        """At the tracker's flush and stop: keep its totals (kWh and kg there, joules and grams here)."""
        self._keep(total)

    def live_out(self, total: Any, _: Any) -> None:
        """At the tracker's periodic reports."""
        self._keep(total)

    def exit(self) -> None:
        """When the tracker has stopped: close the window."""
        self._window.stop()

    def _keep(self, total: Any) -> None:
        self._window.record(
            codecarbon_energy_joules=total.energy_consumed * _JOULES_PER_KILOWATT_HOUR,
            codecarbon_emissions_grams=total.emissions * _GRAMS_PER_KILOGRAM,
        )
