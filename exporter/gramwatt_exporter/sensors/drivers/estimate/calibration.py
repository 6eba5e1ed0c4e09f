"""What a person measured of this machine, and what follows for the other loads. Kept in the state directory.

The logarithm of true over estimated power is a normal variable at every load, with the sigma of the estimate. Errors at
two loads are correlated, the more the nearer they are: of CPUs that the fit had not seen, with exp(-0.36 |distance|),
and 0.85 of that between idle and load (exporter/tools/estimate_fit.py). A measured value at one load therefore corrects
all of them, and narrows sigma most where it was taken.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ....errors import ConfigError
from ....files import read
from ....files import replace as replace_file
from .estimate import CALIBRATION_FILE as FILE
from .machine import Machine
from .power import Power
from .table import LOADS, region

METER_SIGMA = 0.03  # of a plug meter and of a load that is not quite steady
_NEARNESS, _IDLE_CORRELATION = 0.36, 0.85
_IDLE = 0.02  # up to this load it is idle
_SHARE_SIGMA = 0.15
_MOST = 12  # values kept
Of = Literal["wall", "cpu"]
_REMOVE = "`gramwatt-exporter estimate calibrate --reset` removes it"


class Measured(Struct, frozen=True):
    """Watts of the whole machine (``wall``) or of its packages (``cpu``) at a load of 0..1."""

    load: float
    watts: float
    of: Of = "wall"


class Calibration(Struct, frozen=True):
    """All that was measured of one machine."""

    machine: str = ""
    measured: tuple[Measured, ...] = ()

    def with_value(self, machine: str, value: Measured) -> Calibration:
        """One more; it replaces what was measured of the same at nearly the same load, or of another machine."""
        kept = [m for m in self.measured if m.of != value.of or abs(m.load - value.load) > 0.05]
        return Calibration(machine, (*(kept if machine == self.machine else ()), value)[-_MOST:])


def kept_in(state_dir: Path, power: Power, machine: Machine) -> Power:
    """The estimate with what is kept; a damaged file changes nothing, and ``estimate show`` says what is wrong."""
    try:
        return calibrated(power, machine, load_calibration(state_dir))
    except ConfigError:
        return power


def fingerprint(machine: Machine) -> str:
    """Which machine a calibration is of: another CPU in the same state directory has none."""
    return f"{machine.identity.model or machine.identity.architecture or 'unknown'}, {machine.topology.threads} CPUs"


def load_calibration(state_dir: Path | None) -> Calibration:
    """What is kept, or an empty one. Raises ConfigError for a file that is none."""
    if state_dir is None:
        return Calibration()
    path = state_dir / FILE
    try:
        found = msgspec.json.decode(read(path), type=Calibration)
    except FileNotFoundError:
        return Calibration()
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror or error}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(str(path), f"is no calibration ({error}); {_REMOVE}") from None
    for value in found.measured:
        if not (0 <= value.load <= 1 and 0 < value.watts < 1e6):
            raise ConfigError(str(path), f"is no calibration: {value}; {_REMOVE}")
    return found


def save_calibration(state_dir: Path, calibration: Calibration) -> None:
    """Raises OSError."""
    replace_file(state_dir / FILE, msgspec.json.encode(calibration))


def remove_calibration(state_dir: Path) -> bool:
    """Whether there was one. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        (state_dir / FILE).unlink()
        return True
    return False


def calibrated(power: Power, machine: Machine, calibration: Calibration) -> Power:
    """The estimate, corrected by what was measured of this machine."""
    if calibration.machine != fingerprint(machine):
        return power
    for of in ("wall", "cpu"):
        values = [value for value in calibration.measured if value.of == of]
        if values:
            power = _corrected(power, values, of == "wall")
    return power


def _corrected(power: Power, values: Sequence[Measured], wall: bool) -> Power:
    sigmas = power.sigma if wall else power.cpu_sigma
    truths = [math.log(v.watts / (power.at(v.load).wall if wall else power.at(v.load).cpu)) for v in values]
    cross = [[_covariance(sigmas, a.load, b.load) for b in values] for a in values]
    for place, row in enumerate(cross):
        row[place] += METER_SIGMA**2
    weights = solve(cross, truths)
    factors = []
    narrowed: list[list[float]] = [[], [], [], []]
    for load in LOADS:
        to = [_covariance(sigmas, load, value.load) for value in values]
        factors.append(math.exp(sum(w * c for w, c in zip(weights, to, strict=True))))
        left = _covariance(sigmas, load, load) - sum(a * b for a, b in zip(to, solve(cross, to), strict=True))
        narrowed[region(load)].append(math.sqrt(max(left, METER_SIGMA**2)))
    a, b, c, d = (sum(each) / len(each) for each in narrowed)
    cpu = tuple(watts * factor for watts, factor in zip(power.cpu, factors, strict=True))
    if not wall:  # the sum stays: what the packages draw more, the rest draws less
        other = tuple(
            max(0.0, o + before - now) for o, before, now in zip(power.other, power.cpu, cpu, strict=True)
        )
        return replace(power, cpu=cpu, other=other, cpu_sigma=(a, b, c, d))
    dram = power.dram * factors[0]
    # Memory is one figure for all loads; the rest takes up what that leaves of the sum.
    other = tuple(
        max(0.0, factor * (o + power.dram) - dram) for o, factor in zip(power.other, factors, strict=True)
    )
    # A package's error is the whole machine's and that of its share in it, which a meter of the whole does not tell.
    shares = [
        max(_SHARE_SIGMA**2, own**2 - whole**2)
        for own, whole in zip(power.cpu_sigma, power.sigma, strict=True)
    ]
    e, f, g, h = (math.sqrt(share + new**2) for share, new in zip(shares, (a, b, c, d), strict=True))
    return replace(power, cpu=cpu, dram=dram, other=other, sigma=(a, b, c, d), cpu_sigma=(e, f, g, h))


def _covariance(sigmas: Sequence[float], a: float, b: float) -> float:
    correlation = math.exp(-_NEARNESS * abs(a - b))
    if (a <= _IDLE) != (b <= _IDLE):
        correlation *= _IDLE_CORRELATION
    return sigmas[region(a)] * sigmas[region(b)] * correlation


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """A small system of positive definite equations, by elimination."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for place, row in enumerate(rows):
        for below in rows[place + 1 :]:
            share = below[place] / row[place]
            for column in range(place, len(row)):
                below[column] -= share * row[column]
    found = [0.0] * len(rows)
    for place in reversed(range(len(rows))):
        row = rows[place]
        known = sum(row[column] * found[column] for column in range(place + 1, len(rows)))
        found[place] = (row[-1] - known) / row[place]
    return found
