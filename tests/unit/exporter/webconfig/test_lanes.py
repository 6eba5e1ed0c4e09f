"""A right password does not wait for the wrong ones of somebody else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import bcrypt
import gramwatt_exporter.webconfig as module
import pytest
from gramwatt_exporter.webconfig import WebConfig


@pytest.fixture
def guard(tmp_path: Path) -> WebConfig:
    hashed = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
    file = tmp_path / "web.yml"
    file.write_text(f"basic_auth_users: {{scraper: {hashed}}}\n")
    return WebConfig(str(file))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on a wrong password takes until this is called."""
    release = threading.Event()
    matches = module._matches

    def slowly(password: str, hashed: str) -> bool:
        if password.startswith("wrong"):
            assert release.wait(30)
        return matches(password, hashed)

    monkeypatch.setattr(module, "_matches", slowly)
    return release.set


def answers(guard: WebConfig, password: str, address: str, seconds: float = 20) -> bool | None:
    found: list[bool] = []
    thread = threading.Thread(
        target=lambda: found.append(guard.check("scraper", password, address)), daemon=True
    )
    thread.start()
    thread.join(seconds)
    return found[0] if found else None


def test_who_is_known_waits_for_nobody(guard: WebConfig, slow: Callable[[], None]) -> None:
    assert guard.check("scraper", "right", "one")
    for number in range(5):
        assert answers(guard, f"wrong {number}", "one", 0.05) is None
    assert answers(guard, "right", "one") is True
    assert answers(guard, "right", "another") is True
    slow()


def test_who_is_new_waits_for_newcomers_only(guard: WebConfig, slow: Callable[[], None]) -> None:
    assert guard.check("scraper", "bad", "mallory") is False  # known to guess from now on
    for number in range(5):
        assert answers(guard, f"wrong {number}", "mallory", 0.05) is None
    assert answers(guard, "right", "prometheus") is True
    slow()


def test_who_guessed_and_is_right_is_let_in(guard: WebConfig) -> None:
    for number in range(3):
        assert not guard.check("scraper", f"no {number}", "one")
    assert guard.check("scraper", "right", "one")
    assert not guard._guessing
