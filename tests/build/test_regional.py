"""Regional tables: what fits together and what is refused."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from carbonflows.build.regional import FLOWS, RegionalTable, two_regionals
from carbonflows.errors import DataError, LabelError, ShapeError

NORTH = two_regionals()["north"]


def test_accounts_of_a_region_balance_and_the_country_fits() -> None:
    tables = two_regionals()
    for table in tables.values():
        assert table.error.abs().max() < 1e-12
        assert table.column_error.abs().max() < 1e-12
    outflow = sum(table.outflow for table in tables.values())
    inflow = sum(table.inflow for table in tables.values())
    assert list(outflow) == list(inflow)


def test_order_of_labels_does_not_matter() -> None:
    turned = NORTH.sectors[::-1]
    parts: dict[str, Any] = {key: getattr(NORTH, key).loc[turned] for key in ("Y", *FLOWS)}
    again = replace(NORTH, Z=NORTH.Z.loc[NORTH.sectors, turned], **parts)
    for part in fields(RegionalTable):
        ours, theirs = getattr(again, part.name), getattr(NORTH, part.name)
        same = ours.equals(theirs) if hasattr(ours, "equals") else ours == theirs
        assert same, part.name


def test_an_error_in_the_statistics_is_kept() -> None:
    off = replace(NORTH, x=NORTH.x.add([3.0, 0.0]))
    assert off.error.tolist() == pytest.approx([3.0, 0.0])
    assert off.column_error.tolist() == pytest.approx([3.0, 0.0])


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"x": NORTH.x.iloc[:1]}, LabelError, "north: x lack services"),
        ({"x": NORTH.x.rename({"goods": "good"})}, LabelError, "north: x lack goods"),
        ({"Y": NORTH.Y.rename({"goods": "good"})}, LabelError, "rows of Y lack goods"),
        ({"Z": NORTH.Z.iloc[:, :1]}, ShapeError, "sector by sector"),
        ({"Z": NORTH.Z.iloc[[0, 0], [0, 0]]}, LabelError, "goods is there twice"),
        ({"imports": -NORTH.imports}, DataError, "imports of goods is below zero"),
        ({"Y": NORTH.Y * np.nan}, DataError, "Y has a cell that is not a finite number"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict, error: type, said: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(error, match=said):
        replace(NORTH, **change)


def test_extra_sectors_are_refused() -> None:
    more = pd.concat([NORTH.x, pd.Series({"ore": 1.0})])
    with pytest.raises(LabelError, match="have ore besides"):
        replace(NORTH, x=more)
