"""Inventories placed on the sectors of a table."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carbonflows as cf
from carbonflows.errors import DataError, LabelError, SourceError
from carbonflows.inventory import Concordance, by_sector, load_concordance
from carbonflows.sources.ceads_inventory import read_ceads_inventory


def concordance(*lines: tuple[str, str, str, object]) -> Concordance:
    return Concordance(pd.DataFrame(lines, columns=["sector", "target", "kind", "share"]))


MADE = concordance(
    ("farm", "food", "industry", None), ("mill", "food", "industry", 0.25),
    ("mill", "wood", "industry", 0.75), ("shops", "food", "industry", None),
    ("shops", "trade", "industry", None), ("Urban", "Households", "final", None),
)  # fmt: skip


def inventory(values: dict[tuple[str, str, str], float]) -> pd.DataFrame:
    frame = pd.DataFrame(
        [(*key, v) for key, v in values.items()], columns=["province", "sector", "fuel", "value"]
    )
    frame.attrs["unit"] = "Mt CO2"
    return frame


def test_whole_shared_and_split():
    lines = inventory(
        {("A", "farm", "Coal"): 1.0, ("A", "farm", "Gas"): 2.0, ("A", "mill", "Coal"): 8.0,
         ("A", "shops", "Coal"): 10.0, ("A", "Urban", "Gas"): 5.0}
    )  # fmt: skip
    keys = pd.Series({("A", "food"): 1.0, ("A", "trade"): 4.0, ("A", "wood"): 9.0})
    F, F_Y = by_sector(lines, MADE, keys, categories={"Households": "CONS_h"})
    assert F["A"].iloc[0].to_dict() == {"food": 3 + 2 + 2, "wood": 6, "trade": 8}
    assert F_Y.columns.tolist() == [("A", "CONS_h")]
    assert float(F_Y.iloc[0, 0]) == 5
    assert F.attrs["unit"] == "Mt CO2"


AMOUNTS = st.lists(st.floats(0, 1e6), min_size=8, max_size=8)


@settings(max_examples=50, deadline=None)
@given(AMOUNTS, st.lists(st.floats(1e-3, 1e6), min_size=6, max_size=6))
def test_totals_are_kept(amounts, output):
    pairs = [(r, s, "Coal") for r in "AB" for s in ("farm", "mill", "shops", "Urban")]
    lines = inventory(dict(zip(pairs, amounts, strict=True)))
    index = pd.MultiIndex.from_product([["A", "B"], ["food", "wood", "trade"]])
    F, F_Y = by_sector(lines, MADE, pd.Series(output, index))
    for region in "AB":
        kept = F[region].to_numpy().sum() + F_Y[region].to_numpy().sum()
        assert kept == pytest.approx(
            sum(lines.loc[lines["province"] == region, "value"]), rel=1e-12
        )


def test_what_is_refused():
    lines = inventory({("A", "shops", "Coal"): 1.0})
    with pytest.raises(DataError, match=r"shops has several targets and no shares; pass keys"):
        by_sector(lines, MADE)
    with pytest.raises(LabelError, match=r"keys have no A"):
        by_sector(lines, MADE, pd.Series({("B", "food"): 1.0}))
    with pytest.raises(LabelError, match=r"keys of A lack trade"):
        by_sector(lines, MADE, pd.Series({"food": 1.0}))
    with pytest.raises(DataError, match=r"A/shops: emissions to split but all keys are 0"):
        by_sector(lines, MADE, pd.Series({"food": 0.0, "trade": 0.0}))
    with pytest.raises(DataError, match=r"key of A/trade is no number from 0"):
        by_sector(lines, MADE, pd.Series({"food": 1.0, "trade": -1.0}))
    with pytest.raises(LabelError, match=r"shop: not in concordance; did you mean 'shops'"):
        by_sector(lines.replace("shops", "shop"), MADE)
    keys = pd.Series({"food": 1.0, "trade": 1.0})
    with pytest.raises(LabelError, match=r"trade is no sector of the table"):
        by_sector(lines, MADE, keys, sectors=["food", "wood", "trades"])
    with pytest.raises(LabelError, match=r"categories: Houses is no final target"):
        by_sector(lines, MADE, keys, categories={"Houses": "C"})
    with pytest.raises(LabelError, match=r"inventory has no lines"):
        by_sector(lines.iloc[:0], MADE)
    with pytest.raises(LabelError, match=r"inventory lacks the column fuel"):
        by_sector(lines.drop(columns="fuel"), MADE)
    with pytest.raises(DataError, match=r"value of A/shops/Coal is no finite number"):
        by_sector(lines.assign(value=np.nan), MADE)
    nothing = lines.assign(value=0.0)
    F, _ = by_sector(nothing, MADE, pd.Series({"food": 0.0, "trade": 0.0}))
    assert F.to_numpy().sum() == 0


@pytest.mark.parametrize(
    ("lines", "error", "says"),
    [
        ([("a", "b", "industry", 0.5), ("a", "c", "industry", 0.4)], DataError,
         "shares of a sum to 0.9, not to 1"),
        ([("a", "b", "industry", 0.5), ("a", "c", "industry", None)], DataError,
         "a has a share for some targets"),
        ([("a", "b", "industry", "x")], DataError, "share 'x' of a"),
        ([("a", "b", "industry", 0.5)], DataError, "shares of a sum to 0.5"),
        ([("a", "b", "industry", 1), ("a", "b", "industry", 1)], LabelError, "a → b twice"),
        ([("a", "b", "industry", 1), ("c", "b", "final", 1)], LabelError, "b is an industry and"),
        ([("a", "b", "service", 1)], LabelError, "kind service is unknown"),
        ([("a", "", "industry", 1)], LabelError, "line 1 has an empty label"),
    ],
)  # fmt: skip
def test_concordances_that_cannot_be_used(lines, error, says):
    with pytest.raises(error, match=says):
        concordance(*lines)


def test_own_file_and_missing_files(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("# source: mine\nsector,target,share\na,b,0.5\na,c,0.5\n")
    found = load_concordance(path)
    assert (found.name, found.source, found.targets("industry")) == ("own", "mine", ["b", "c"])
    with pytest.raises(SourceError, match=r"shipped are ceads-to-example, ceads-to-wiod2013"):
        load_concordance("ceads")
    with pytest.raises(SourceError, match=r"does not exist"):
        load_concordance(tmp_path / "none.csv")


def test_shipped_targets_are_the_tables_sectors():
    example = load_concordance("ceads-to-example")
    assert sorted(example.targets("industry")) == sorted(cf.example(2007).sectors)
    assert len(load_concordance("ceads-to-wiod2013").sectors) == 47


def test_ceads_on_wiod_2013(shared):
    world = cf.read("wiod2013", path=shared / "wiod2013", year=2007)
    lines = read_ceads_inventory(shared / "china", 2007)
    keys = world.x["CHN"]
    F, F_Y = by_sector(
        lines, "ceads-to-wiod2013", keys, sectors=list(world.sectors),
        categories={"Households": "CONS_h"},
    )  # fmt: skip
    assert F.shape == (1, 30 * 35)
    total = F.to_numpy().sum() + F_Y.to_numpy().sum()
    assert total == pytest.approx(6822.269602381579, abs=1e-9)
    placed = F.T.groupby(level="region")["CO2"].sum() + F_Y.T.groupby(level="region")["CO2"].sum()
    stated = lines.groupby("province")["value"].sum()
    assert (placed - stated).abs().max() < 1e-9
    power = F.T.groupby(level="sector")["CO2"].sum()["Electricity, gas and water"]
    assert power == pytest.approx(3398.923696 + 12.108499 + 0.619744, abs=1e-5)
    # Post and telecommunications are as small as in WIOD's own account (5 Mt), not 110.
    post = F.T.groupby(level="sector")["CO2"].sum()["Post and telecommunications"]
    assert 2 < post < 12
    assert float(F_Y.to_numpy().sum()) == pytest.approx(149.633494 + 123.339979, abs=1e-5)


@pytest.mark.parametrize("year", [2007, 2012])
def test_ceads_on_the_example(shared, year):
    lines = read_ceads_inventory(shared / "china", year)
    example = cf.example(2007)
    output = {
        (province, sector): (1 + i) * float(x)
        for i, province in enumerate(lines["province"].unique())
        for sector, x in example.x["CHN"].items()
    }
    F, F_Y = by_sector(lines, "ceads-to-example", pd.Series(output), sectors=list(example.sectors))
    total = F.to_numpy().sum() + F_Y.to_numpy().sum()
    assert abs(total - lines["value"].sum()) < 1e-9
    assert np.isfinite(F.to_numpy()).all()
    assert (F.to_numpy() >= 0).all()
