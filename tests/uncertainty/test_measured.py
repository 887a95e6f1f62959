"""The default account of draws against the footprint, which takes another route."""

import numpy as np
import pytest

from carbonflows.accounts.footprint import footprint
from carbonflows.errors import DataError
from carbonflows.solve import Leontief
from carbonflows.uncertainty.measured import production_and_consumption
from worlds import WORLDS, everything, halves, random_world

BY_ROWS = {name: table for name, table in WORLDS.items() if table.output == "rows"}


@pytest.mark.parametrize("name", BY_ROWS)
@pytest.mark.parametrize("grouping", [None, halves, everything])
@pytest.mark.parametrize("households", [True, False])
def test_it_is_the_footprint(name, grouping, households):
    table = BY_ROWS[name]
    groups = None if grouping is None else grouping(table)
    how = {"households": households, "grouping": groups, "unit": "kt"}
    found = production_and_consumption(Leontief(table), "CO2", **how)
    expected = footprint(Leontief(table), "CO2", **how)[list(found.columns)]
    scale = expected["production"].sum()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * scale)
    assert found.index.equals(expected.index)
    assert {k: v for k, v in found.attrs.items() if k != "quantity"} == {
        k: v for k, v in footprint(Leontief(table), "CO2", **how).attrs.items() if k != "quantity"
    }


def test_output_that_is_not_from_rows_is_refused():
    table = random_world(8, output="given")
    with pytest.raises(DataError, match=r"^random 8 2012 has output='given'.*use footprint$"):
        production_and_consumption(Leontief(table))
