"""Spending per head and exports over value added, by loops over the table."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts.intensity import Denominator
from carbonflows.accounts.province_structure import spending
from carbonflows.errors import DataError, LabelError
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from worlds import random_world, three_by_two

TABLE = three_by_two()
DRIVERS = {"households": ["C"], "capital": ["INV"]}
PEOPLE = Denominator(pd.Series({"R1": 10.0, "R2": 4.0, "R3": 7.0}), "person", "made up")


def test_loops_over_the_table_say_the_same() -> None:
    found = spending(Leontief(TABLE), ["R1", "R3"], DRIVERS, PEOPLE)
    for region in ("R1", "R3"):
        spent = {"households": 0.0, "capital": 0.0}
        for (buyer, category), amount in TABLE.Y.sum().items():  # type: ignore[misc]
            if buyer == region:
                spent["households" if category == "C" else "capital"] += amount
        for driver, amount in spent.items():
            assert found.loc[region, driver] == pytest.approx(1e6 * amount / PEOPLE.values[region])
        mine = [node for node in TABLE.nodes if node[0] == region]
        made = TABLE.x[mine].sum() - TABLE.Z[mine].to_numpy().sum()
        sold = dict.fromkeys(TABLE.regions, 0.0)
        for node in mine:
            for (buyer, _), amount in TABLE.Z.loc[node].items():  # type: ignore[misc]
                sold[buyer] += amount
            for (buyer, _), amount in TABLE.Y.loc[node].items():  # type: ignore[misc]
                sold[buyer] += amount
        other = "R3" if region == "R1" else "R1"
        assert found.loc[region, "exports_abroad"] == pytest.approx(sold["R2"] / made)
        assert found.loc[region, "exports_inside"] == pytest.approx(sold[other] / made)
        assert found.loc[region, "value_added"] == pytest.approx(made)


def test_groups_are_ratios_of_sums() -> None:
    table = random_world(3, 5, 2)
    regions = list(table.regions)
    people = Denominator(pd.Series(np.arange(1.0, 6.0), regions), "person", "made up")
    groups = Grouping(
        {r: "north" if i < 2 else ("south" if i < 4 else r) for i, r in enumerate(regions)}
    )
    drivers = {"all": list(table.categories)}
    fine = spending(Leontief(table), regions[:4], drivers, people)
    coarse = spending(Leontief(table), ["north", "south"], drivers, people, grouping=groups)
    for name, members in (("north", regions[:2]), ("south", regions[2:4])):
        heads = people.values[members]
        expected = (fine.loc[members, "all"] * heads).sum() / heads.sum()
        assert coarse.loc[name, "all"] == pytest.approx(expected)
        made = fine.loc[members, "value_added"]
        abroad = (fine.loc[members, "exports_abroad"] * made).sum() / made.sum()
        assert coarse.loc[name, "exports_abroad"] == pytest.approx(abroad)
        assert coarse.loc[name, "value_added"] == pytest.approx(made.sum())


def test_people_have_to_be_known() -> None:
    system = Leontief(TABLE)
    some_people = Denominator(PEOPLE.values.drop("R3"), "person", "made up")
    with pytest.raises(LabelError, match="R3: no population"):
        spending(system, ["R1", "R3"], DRIVERS, some_people)
    with pytest.raises(LabelError, match="INV: final demand in no driver"):
        spending(system, ["R1"], {"households": ["C"]}, PEOPLE)
    nobody = Denominator(pd.Series({"R1": np.nan}), "person", "made up")
    with pytest.raises(DataError, match="population of R1"):
        spending(system, ["R1"], DRIVERS, nobody)
