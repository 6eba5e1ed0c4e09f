"""The lines of the labeler's log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_line_begins_with_its_time_in_utc(zone: Any) -> None:
    """14 hours ahead of UTC, and 11 behind it."""
    before = datetime.now(UTC)
    ended = subprocess.run(
        [sys.executable, "-m", "gramwatt_labeler", "scales", "--config.check"],
        capture_output=True, text=True, check=True,
        env=os.environ | {"TZ": zone, "GRAMWATT_LABELER_NO_SETTING": "1"},
    )  # fmt: skip
    line = re.fullmatch(r"(\S+Z) WARNING GRAMWATT_LABELER_NO_SETTING is not a setting .*\n", ended.stderr)
    assert line is not None, ended.stderr
    at = datetime.fromisoformat(line[1])
    assert before - timedelta(milliseconds=1) <= at <= datetime.now(UTC)
