"""After a reboot the hardware counts from zero, and what the exporter publishes goes on."""

from __future__ import annotations

import time
from pathlib import Path

from gramwatt_exporter.assembly import restore
from gramwatt_exporter.budgets import BudgetBook
from gramwatt_exporter.config import Config
from gramwatt_exporter.idle import IdleBook
from gramwatt_exporter.ledger import persistence
from gramwatt_exporter.ledger.accounts import Accounts
from gramwatt_exporter.ledger.booking import Booking
from gramwatt_exporter.ledger.extras import Extras
from gramwatt_exporter.ledger.storage import StateFile
from gramwatt_exporter.log import FieldLogger
from gramwatt_exporter.sensors.sensor_set import SensorSet
from gramwatt_exporter.windows import WindowBook
from scripted_sensor import J, Scripted, cpu

DEVICE = "cpu", "package-0"


def one_boot(directory: Path, boot_id: str, resets: int) -> list[tuple[int, int]]:
    """Resets and microjoules published after each read of an exporter that saves at its end."""
    config, state_file, now_ns = Config(), StateFile(str(directory)), [1_000_000_000_000]
    baseline, extras = IdleBook(), Extras(config, Accounts())
    windows, budgets = WindowBook(config.windows), BudgetBook([], time.time)
    sensor = Scripted("rapl", lambda: now_ns[0])
    package = cpu("rapl", max_watts=100.0)
    sensor.microjoules = {package: 1_000 * J}
    sensor_set = SensorSet([sensor], lambda: now_ns[0], FieldLogger("test"))
    accounts = restore(state_file, boot_id, sensor_set, baseline, extras, windows, budgets) or Accounts()
    extras.accounts = accounts
    sensor_set.open()
    booking = Booking(accounts, baseline, windows, budgets, [], 2)
    published = []
    for number in range(resets + 3):
        booking.book_missed(sensor_set.read(), None)
        microjoules = sum(accounts.devices[DEVICE].microjoules.values()) if DEVICE in accounts.devices else 0
        published.append((accounts.resets.get(DEVICE, 0), microjoules))
        now_ns[0] += 5_000_000_000
        sensor.microjoules[package] += -200 * J if number < resets else 50 * J  # it does not come back
    state_file.save(
        {
            "version": 1,
            "boot_id": boot_id,
            "saved_at": 0,
            "sensors": sensor_set.state(),
            "baseline": baseline.state(),
            "accounts": persistence.dump(accounts, ([0] * 4, [0] * 4, 0)),
            "extras": extras.state(),
            "windows": windows.state(),
            "budgets": budgets.state(),
        }
    )
    return published


def test_resets_and_energy_go_on(tmp_path: Path) -> None:
    first = one_boot(tmp_path, "one", 3)
    assert first[-1] == (3, 100 * J)
    second = one_boot(tmp_path, "two", 1)
    assert second[-1] == (4, 200 * J)
    for before, after in zip([first[-1], *second], second, strict=False):
        assert after[0] >= before[0]
        assert after[1] >= before[1]
