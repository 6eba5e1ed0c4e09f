"""Our World in Data's table of carbon intensities: read strictly, kept whole, replaced by source."""

from __future__ import annotations

from pathlib import Path

import pytest
from gramwatt_labeler.errors import InputError
from gramwatt_labeler.intensities.kept import keep, kept
from gramwatt_labeler.intensities.table import latest, read_intensities
from gramwatt_labeler.store import Store
from gramwatt_labeler.uploads.reading import read_upload

TABLE = b"""Entity,Code,Year,Carbon intensity of electricity - gCO2/kWh
France,FRA,2022,67.7
France,FRA,2023,56.04
World,OWID_WRL,2023,481.0
Atlantis,,2023,
"""


@pytest.mark.slow
def test_the_newest_year_of_each_zone_counts(tmp_path: Path) -> None:
    rows = read_intensities(read_upload("owid.csv", TABLE))
    assert {zone: (one.year, one.grams_per_kwh) for zone, one in latest(rows).items()} == {
        "France": (2023, 56.04),
        "World": (2023, 481.0),
    }
    store = Store(f"sqlite:///{tmp_path / 'l.db'}")
    assert keep(store, rows, 1.0) == 0
    assert keep(store, rows, 2.0) == 3  # the same source again replaces
    assert kept(store) == sorted(rows, key=lambda one: (one.zone, one.year))
    assert [one.year for one in kept(store, "France")] == [2022, 2023]
    store.close()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("France,FRA,2023,-1", "line 2"),
        ("France,FRA,2023,nan", "line 2"),
        ("France,FRA,2023,1e9", "between 0 and 3000"),
        ("France,FRA,soon,1", "is not a year"),
        (",FRA,2023,1", "is empty"),
        ("France,FRA,2023,1\nFrance,FRA,2023,2", "twice"),
        ("France,FRA,2023,", "no row"),
    ],
)
def test_a_wrong_row_is_named(row: str, words: str) -> None:
    table = f"Entity,Code,Year,Lifecycle carbon intensity\n{row}\n".encode()
    with pytest.raises(InputError, match=words):
        read_intensities(read_upload("owid.csv", table))


def test_a_table_that_a_spreadsheet_saved_again_is_read_by_its_own_signs() -> None:
    table = TABLE.decode().replace(",", ";").replace(".", ",").encode()
    assert read_intensities(read_upload("owid.csv", table)) == read_intensities(
        read_upload("owid.csv", TABLE)
    )
    with pytest.raises(InputError, match=r"“1,500” can mean 1500 or 1\.5"):
        read_intensities(read_upload("owid.csv", b"Entity;Year;Carbon intensity\nFrance;2023;1,500\n"))
    alone = b"Entity;Year;Carbon intensity\nFrance;2022;56,04\nFrance;2023;1,500\n"
    assert latest(read_intensities(read_upload("owid.csv", alone)))["France"].grams_per_kwh == 1.5


def test_another_table_is_refused() -> None:
    with pytest.raises(InputError, match="Entity"):
        read_intensities(read_upload("a.csv", b"a,b\n1,2\n"))
