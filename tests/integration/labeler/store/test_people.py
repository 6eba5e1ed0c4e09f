"""Users whom two requests change at one moment, and sessions whose clock is set."""

from __future__ import annotations

import threading

import pytest
from argon2 import PasswordHasher
from gramwatt_labeler.errors import InputError
from gramwatt_labeler.store import Store
from gramwatt_labeler.store.passwords import Passwords
from gramwatt_labeler.store.people import SESSION_SECONDS, People, Role

NOW = 1_800_000_000.0
QUICK = PasswordHasher(1, 8, 1)


class Slow(Passwords):
    """Checks so slowly that something else happens meanwhile."""

    def __init__(self, people: People, **change: object) -> None:
        super().__init__(QUICK)
        self._people, self._change = people, change

    def is_right(self, hashed: str | None, password: str) -> bool:
        found = super().is_right(hashed, password)
        self._people.change("alice", "bob", NOW, **self._change)  # type: ignore[arg-type]
        return found


@pytest.mark.parametrize("change", [{"password": "another password"}, {"disabled": True}])
def test_a_login_whose_password_is_changed_meanwhile_is_none(store: Store, change: dict[str, object]) -> None:
    people = People(store.database, Passwords(QUICK))
    people.add("alice", Role.MANAGER, "a long password", "test", NOW)
    people.add("bob", Role.MANAGER, "a long password", "test", NOW)
    assert People(store.database, Slow(people, **change)).log_in("alice", "a long password", NOW) is None
    assert people.log_in("bob", "a long password", NOW) is not None


@pytest.mark.parametrize("step", [3600.0, 10 * 365 * 86_400.0])
def test_a_session_ends_also_when_the_clock_is_set_back(store: Store, step: float) -> None:
    people = People(store.database, Passwords(QUICK))
    people.add("alice", Role.MANAGER, "a long password", "test", NOW)
    found = people.log_in("alice", "a long password", NOW + step)
    assert found is not None
    assert people.session(found[0], NOW + step) is not None
    assert (people.session(found[0], NOW) is not None) == (step < SESSION_SECONDS)
    assert people.session(found[0], NOW + 2 * SESSION_SECONDS) is None


def test_two_managers_who_demote_each_other_leave_one(store: Store) -> None:
    people = People(store.database, Passwords(QUICK))
    for name in ("alice", "bob"):
        people.add(name, Role.MANAGER, "", "test", NOW)
    for _ in range(10):
        for name in ("alice", "bob"):
            people.change(name, "test", NOW, role=Role.MANAGER)
        both = threading.Barrier(2)
        refused: list[str] = []

        def demote(name: str, both: threading.Barrier, refused: list[str]) -> None:
            both.wait()
            try:
                people.change(name, "test", NOW, role=Role.VIEWER)
            except InputError:
                refused.append(name)

        threads = [threading.Thread(target=demote, args=(name, both, refused)) for name in ("alice", "bob")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 1
        assert [one.name for one in people.users() if one.role is Role.MANAGER] == refused
