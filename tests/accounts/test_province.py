"""Where the emissions of a country's regions are consumed, against fractions and plain loops."""

from fractions import Fraction as Q

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brute import Brute, exactly, scale_of
from carbonflows.accounts.flows import flows
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.province import outside_share
from carbonflows.errors import DataError, LabelError
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.sources.example import example
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, halves, random_world

EU = ["DEU", "FRA", "ITA", "ESP", "SWE", "GBR", "WEU", "EEU"]
LARGE = {n: t for n, t in WORLDS.items() if len(t.regions) > 1}
WORLD = pytest.mark.parametrize("table", LARGE.values(), ids=LARGE)


def test_two_regions_by_hand() -> None:
    found = outside_share(Leontief(two_regions()), ["A"])
    exactly(found.loc["A", ["own", "country", "abroad"]], [Q(310, 9), 0, Q(140, 9)])
    exactly(found.loc["A", ["outside_share"]], [Q(14, 45)])  # 140/9 of 50
    exactly(found.loc["A", ["imported_share"]], [Q(92, 402)])  # 92/9 of 134/3
    assert found.loc["country"].equals(found.loc["A"])


@WORLD
@pytest.mark.parametrize("households", [True, False])
def test_shares_are_their_definition(table: IOTable, households: bool) -> None:
    brute = Brute(table, scale=scale_of(table), households=households)
    country = list(table.regions[:-1])
    near = 1e-11 * sum(brute.production.values())
    found = outside_share(Leontief(table), country[::-1], households=households)
    assert list(found.index) == [*country, "country"]
    left = came = own = produced = consumed = 0.0
    for r in country:
        # orphaned emissions are direct in both
        home = brute.T(r, r) + brute.direct[r]
        inland = sum(brute.T(r, s) for s in country if s != r)
        abroad = brute.T(r, table.regions[-1])
        cba = sum(brute.T(s, r) for s in table.regions) + brute.direct[r]
        pba = brute.production[r] + brute.direct[r]
        row = found.loc[r]
        assert row[["emissions", "own", "country", "abroad", "consumption"]].tolist() == (
            pytest.approx([pba, home, inland, abroad, cba], abs=near)
        )
        assert row["outside_share"] == pytest.approx((inland + abroad) / pba)
        assert row["imported_share"] == pytest.approx(1 - home / cba)
        assert row["imbalance"] == pytest.approx(pba - home - inland - abroad, abs=near)
        left, came, own = left + inland + abroad, came + cba - home, own + home
        produced, consumed = produced + pba, consumed + cba
    total = found.loc["country"]
    assert total["outside_share"] == pytest.approx(left / produced)
    assert total["imported_share"] == pytest.approx(1 - own / consumed)
    assert total["from_country"] == pytest.approx(total["country"], abs=near)
    assert (table.output == "rows") == (not found["imbalance"].any())


@WORLD
def test_groups_are_sums_of_what_crosses_their_borders(table: IOTable) -> None:
    if len(table.regions) < 3:
        pytest.skip("two groups need three regions")
    groups = halves(table)
    found = outside_share(Leontief(table), "near", grouping=groups)
    brute = Brute(table, groups, scale=scale_of(table))
    assert found.loc["near", "abroad"] == pytest.approx(brute.T("near", "far"))
    assert found.loc["near", "country"] == 0.0
    assert found.attrs["grouping"] == "halves"


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 3))
def test_merging_regions_never_raises_the_share(seed: int, regions: int, sectors: int) -> None:
    table = random_world(seed, regions + 1, sectors)
    country = list(table.regions[:-1])
    system = Leontief(table)
    fine = outside_share(system, country).loc["country"]
    merged = Grouping({r: "C" if r in country else "O" for r in table.regions})
    coarse = outside_share(system, "C", grouping=merged).loc["C"]
    assert coarse["outside_share"] <= fine["outside_share"] + 1e-12
    assert coarse["abroad"] == pytest.approx(fine["abroad"])
    assert fine["own"] + fine["country"] + fine["abroad"] == pytest.approx(fine["emissions"])
    assert fine["own"] + fine["from_country"] + fine["from_abroad"] == pytest.approx(
        fine["consumption"]
    )


def test_europe_as_a_country() -> None:
    system = Leontief(example(2007))
    found = outside_share(system, EU)
    account = footprint(system)
    caused = flows(system)
    order = [r for r in account.index if r in EU]
    assert list(found.index[:-1]) == order
    np.testing.assert_allclose(found.loc[order, "emissions"], account.loc[order, "production"])
    np.testing.assert_allclose(found.loc[order, "consumption"], account.loc[order, "consumption"])
    abroad = caused.drop(columns=EU).loc[EU].to_numpy().sum()
    assert found.loc["country", "abroad"] == pytest.approx(abroad)
    assert found.attrs["unit"] == "shares: 1; the rest: Mt"
    assert 0.15 < found.loc["country", "outside_share"] < 0.5


@pytest.mark.parametrize(
    ("regions", "options", "error", "said"),
    [
        (["A", "B"], {}, DataError, "the whole world: leave out those abroad"),
        (["X"], {}, LabelError, "regions: X; name some of A, B"),
        (["A"], {"total": "A"}, LabelError, "^A is a region, .*: pass another total="),
    ],
)
def test_mistakes(regions, options, error, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=said):
        outside_share(Leontief(two_regions()), regions, **options)


def test_a_silent_region_has_no_share() -> None:
    table = random_world(1, 3, 2, households=False)
    ext = table.extensions["emissions"]
    F = ext.F.copy()
    F.loc[:, "r1"] = 0.0
    quiet = table.replace(extensions=type(ext)(F, unit="Mt"))
    found = outside_share(Leontief(quiet), ["r1", "r2"])
    assert np.isnan(found.loc["r1", "outside_share"])
    assert found.loc["r1", "imported_share"] == 1.0
    assert found.loc["country", "outside_share"] == found.loc["r2", "outside_share"]
