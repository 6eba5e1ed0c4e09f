"""Whether what is booked on a machine of metered_machines.py is what it drew."""

from __future__ import annotations

import pytest
from metered_machines import Machine


def agree(machine: Machine, tolerance: float = 0.03) -> None:
    """The sum agrees, and each component does that the truth knows apart."""
    assert machine.ratio() == pytest.approx(1.0, abs=tolerance), machine.log.text()
    for component in machine.truth:
        if component not in ("all", "other"):
            assert machine.ratio(component) == pytest.approx(1.0, abs=tolerance), (
                component,
                machine.log.text(),
            )
