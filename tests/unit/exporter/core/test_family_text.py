"""The text of the families, held to a general client library; and when it is made."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.metrics.family_text import _Family, number
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.utils import floatToGoString

words = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
)
samples = st.lists(
    st.tuples(st.tuples(words, words, words), st.floats(allow_nan=False)), unique_by=lambda s: s[0]
)


@pytest.mark.slow
@given(st.floats() | st.integers(-(10**20), 10**20).map(float) | st.sampled_from([0.0, -0.0, 1e6, 123456.75]))
def test_numbers_are_written_as_the_library_writes_them(value: float) -> None:
    theirs: Any = floatToGoString
    assert number(value) == theirs(value)


def read(text: bytes) -> list[tuple[tuple[str, ...], float]]:
    (family,) = text_string_to_metric_families(text.decode())
    assert (family.name, family.type) == ("gramwatt_device_power_watts", "gauge")
    return [(tuple(s.labels[k] for k in ("component", "device", "source")), s.value) for s in family.samples]


@pytest.mark.slow
@given(st.lists(samples.filter(bool), min_size=1, max_size=4))
def test_any_labels_and_numbers_are_read_back(snapshots: list[Any]) -> None:
    family = _Family("device_power_watts")  # what it kept of one snapshot must not get into the next
    for now in snapshots:
        assert read(family.text(now)) == now


def test_a_family_that_did_not_change_is_not_written_again() -> None:
    family = _Family("device_power_watts")
    first = family.text([(("cpu", "package-0", "rapl"), 12.5)])
    assert family.text([(("cpu", "package-0", "rapl"), 12.5)]) is first
    assert family.text([(("cpu", "package-0", "rapl"), 13.5)]) != first


class Numbered(int):
    """A snapshot that is its number."""

    @property
    def samples(self) -> int:
        return int(self)


class Rendering(Exposition):
    """Counts which snapshots were rendered; they are numbers here."""

    def __init__(self) -> None:
        super().__init__()
        self.rendered: list[Any] = []

    def _text_of(self, snapshot: Any) -> bytes:
        if snapshot not in self.rendered:
            self.rendered.append(snapshot)
        return str(snapshot).encode()


@pytest.mark.parametrize(
    ("scraped", "ahead"),
    [
        ([], set()),
        (range(1, 9), {3, 4, 5, 6, 7, 8}),  # each: two in a row, then ahead
        (range(1, 9, 2), set()),  # every other one: never in vain
        ([1, 2, 3, 5, 6, 7], {3, 4, 7, 8}),  # one left out: begin anew
    ],
)
def test_a_snapshot_is_rendered_ahead_where_each_is_scraped(scraped: Any, ahead: set[int]) -> None:
    exposition = Rendering()
    early = set()
    for count in range(1, 9):
        snapshot: Any = Numbered(count)
        exposition.publish(snapshot)
        if snapshot in exposition.rendered:
            early.add(snapshot)
        if snapshot in scraped:
            assert exposition.scrape() == str(snapshot).encode()
    assert early == ahead
