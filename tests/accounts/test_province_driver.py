"""Emissions by driver and exit region, against plain loops over both systems."""

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest

from brute import IDLE_USE, Brute, scale_of
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.gateway import gateways
from carbonflows.accounts.province_driver import by_driver, driver_shares
from carbonflows.errors import DataError, LabelError
from carbonflows.solve import Leontief
from carbonflows.sources.example import example
from carbonflows.table import IOTable, two_regions
from worlds import CATEGORIES, WORLDS, random_world

EU = ["DEU", "FRA", "ITA", "ESP", "SWE", "GBR", "WEU", "EEU"]
LARGE = {n: t for n, t in WORLDS.items() if len(t.regions) > 1}
WORLD = pytest.mark.parametrize("table", LARGE.values(), ids=LARGE)
BOTH = pytest.mark.parametrize("exports", ["footprint", "gross"])
DRIVERS = {"capital": ["INV"], "household": ["C"]}
NAMES = {"C": "household", "INV": "capital", IDLE_USE: IDLE_USE}


def plain(frame: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    keys = frame[["source_region", "destination_region", "driver"]].itertuples(index=False)
    return dict(zip(map(tuple, keys), frame["value"], strict=True))


def literal(brute: Brute, country: list[str], gross: bool) -> dict[tuple[str, str, str], float]:
    """Every row from its definition."""
    C = [i for i in range(brute.n) if brute.group[i] in country]
    O = [i for i in range(brute.n) if i not in C]  # noqa: E741
    home = np.linalg.inv(np.eye(len(C)) - brute.A[np.ix_(C, C)])
    abroad = sum(brute.use[s] for s in brute.groups if s not in country)
    x = brute.x if gross else brute.L @ abroad
    exported = brute.A[np.ix_(C, O)] @ x[O] + abroad[C]
    found: dict[tuple[str, str, str], float] = defaultdict(float)
    for a, i in enumerate(C):
        for b, j in enumerate(C):
            key = (brute.group[i], brute.group[j], "exports")
            found[key] += brute.k[i] * home[a, b] * exported[b]
    for (s, category), f in brute.final.items():
        if s in country:
            output = home @ f[C] if gross else (brute.L @ f)[C]
            for a, i in enumerate(C):
                found[brute.group[i], s, NAMES[category]] += brute.k[i] * output[a]
    return found


@WORLD
@BOTH
def test_rows_are_their_definition_and_add_up(table: IOTable, exports: str) -> None:
    brute = Brute(table, scale=scale_of(table))
    country = list(table.regions[:-1])
    near = 1e-11 * sum(brute.production.values())
    frame = by_driver(Leontief(table), country, DRIVERS, exports=exports)  # type: ignore[arg-type]
    found = plain(frame)
    assert len(found) == len(frame)
    expected = literal(brute, country, exports == "gross")
    assert set(expected) <= set(found)
    for key, value in found.items():
        if key[2] != "imbalance":
            assert value == pytest.approx(expected.get(key, 0.0), abs=near), key
    for r in country:
        total = frame.loc[frame["source_region"] == r, "value"].sum()
        assert total == pytest.approx(brute.production[r], abs=near)
    balanced = table.output == "rows"
    assert ("imbalance" in set(frame["driver"])) == (not balanced)
    assert frame.attrs["exports"] == exports


def test_two_regions_by_hand() -> None:
    system = Leontief(two_regions())
    drivers = {"all": ["final demand"]}
    gross = by_driver(system, "A", drivers, exports="gross").set_index("driver")["value"]
    # A alone: 1/(1 − 0.2) · 50 · 0.5 and · 30 · 0.5
    assert gross.tolist() == pytest.approx([31.25, 18.75])
    within = by_driver(system, "A", drivers).set_index("driver")["value"]
    assert within.tolist() == pytest.approx([310 / 9, 140 / 9])


def test_order_of_drivers_is_the_callers_and_every_pair_is_there() -> None:
    system = Leontief(random_world(3, 4, 2))
    frame = by_driver(system, ["r3", "r1"], DRIVERS)
    assert list(frame["driver"].unique()) == ["capital", "household", "exports"]
    assert len(frame) == 2 * 2 * 3
    exits = gateways(system, ["r1", "r3"])
    booked = frame[frame["driver"] == "exports"].set_index(["source_region", "destination_region"])
    for p in exits.index:
        for q in exits.columns:
            assert booked.loc[(p, q), "value"] == pytest.approx(exits.loc[p, q])


def test_inputs_of_nodes_without_output_may_join_a_driver() -> None:
    table = random_world(4, 3, (3, 2, 3), idle=True)
    country = ["r1", "r2"]
    apart = by_driver(Leontief(table), country, DRIVERS)
    joined = by_driver(Leontief(table), country, DRIVERS | {"capital": ["INV", IDLE_USE]})
    assert IDLE_USE in set(apart["driver"])
    assert IDLE_USE not in set(joined["driver"])
    named = by_driver(Leontief(table), country, DRIVERS | {IDLE_USE: [IDLE_USE]})
    assert plain(named) == plain(apart)
    assert len(named) == len(apart)
    lost = apart.loc[apart["driver"].isin([IDLE_USE, "capital"]), "value"].sum()
    assert lost == pytest.approx(joined.loc[joined["driver"] == "capital", "value"].sum())


@BOTH
def test_europe_as_a_country(exports: str) -> None:
    table = example(2007)
    system = Leontief(table)
    drivers = {
        "household": ["CONS_h", "CONS_np"], "capital": ["GFCF", "INVEN"], "government": ["CONS_g"],
    }  # fmt: skip
    frame = by_driver(system, EU, drivers, exports=exports)  # type: ignore[arg-type]
    account = footprint(system, households=False).loc[EU, "production"]
    total = frame.groupby("source_region")["value"].sum()
    np.testing.assert_allclose(total[EU], account, rtol=1e-9)
    shares = driver_shares(system, EU, drivers, exports=exports)  # type: ignore[arg-type]
    assert shares["of_emissions"].sum() == pytest.approx(1.0)
    assert shares["emissions"].sum() == pytest.approx(footprint(system).loc[EU, "production"].sum())
    spent = table.Y.loc[:, EU].T.groupby(level="category").sum().T.sum()
    assert shares.loc["capital", "spending"] == pytest.approx(spent[["GFCF", "INVEN"]].sum())
    added = table.x.loc[EU].sum() - table.Z.loc[:, EU].to_numpy().sum()
    assert shares.attrs["gdp"] == pytest.approx(added, rel=1e-9)
    assert np.isnan(shares.loc["direct", "spending"])


def test_gross_exports_are_at_least_those_for_demand_abroad() -> None:
    system = Leontief(random_world(11, 5, 3))
    country = ["r1", "r2", "r4"]
    by = {
        e: by_driver(system, country, DRIVERS, exports=e).groupby("driver")["value"].sum()
        for e in ("footprint", "gross")
    }
    assert by["gross"]["exports"] > by["footprint"]["exports"]
    assert by["gross"]["household"] < by["footprint"]["household"]


@pytest.mark.parametrize(
    ("drivers", "said"),
    [
        ({"household": ["C"]}, "^INV: final demand in no driver; add it to one"),
        ({"a": ["C", "INV"], "b": ["C"]}, "'C' is in driver 'a' and again in 'b'"),
        ({"a": ["C", "C", "INV"]}, "'C' is in driver 'a' and again in 'a'"),
        ({"a": ["C", "INV", "GOV"]}, "'GOV' of driver 'a' is not in random 1 2012; choose from C"),
        ({"exports": list(CATEGORIES)}, "driver 'exports' is a row of its own"),
        ({"a": "C", "b": ["INV"]}, "driver 'a': 'C' is one name: give its categories in a list"),
    ],
)
def test_mistakes_about_drivers(drivers, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LabelError, match=said):
        by_driver(Leontief(random_world(1, 3, 2)), ["r1", "r2"], drivers)


def test_other_mistakes() -> None:
    system = Leontief(random_world(1, 3, 2))
    with pytest.raises(DataError, match="the whole world"):
        by_driver(system, ["r1", "r2", "r3"], DRIVERS)
    with pytest.raises(DataError, match="exports='net' is not known"):
        by_driver(system, ["r1"], DRIVERS, exports="net")  # type: ignore[arg-type]
