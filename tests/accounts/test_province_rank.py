"""Rankings of regions, and how they become panels."""

import numpy as np
import pandas as pd
import pytest

from brute import Brute, scale_of
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.intensity import Denominator, intensities
from carbonflows.accounts.province_rank import ranking_panels, rankings
from carbonflows.errors import DataError, LabelError
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.sources.example import example
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, random_world

EU = ["DEU", "FRA", "ITA", "ESP", "SWE", "GBR", "WEU", "EEU"]
LARGE = {n: t for n, t in WORLDS.items() if len(t.regions) > 2}
WORLD = pytest.mark.parametrize("table", LARGE.values(), ids=LARGE)


def people(regions: list[str]) -> Denominator:
    return Denominator(pd.Series(np.arange(1, len(regions) + 1) * 1e6, regions), "person", "census")


@WORLD
@pytest.mark.parametrize("measure", ["footprint", "eebt"])
def test_values(table: IOTable, measure: str) -> None:
    brute = Brute(table, scale=scale_of(table))
    near = 1e-10 * sum(brute.production.values())
    country = list(table.regions[1:])
    found = rankings(
        Leontief(table),
        country,
        {"population": people(country)},
        measure=measure,  # type: ignore[arg-type]
    ).set_index(["quantity", "per", "region"])
    moved = brute.T if measure == "footprint" else brute.eebt
    for i, r in enumerate(country):
        net = sum(moved(r, s) - moved(s, r) for s in country)
        used = sum(brute.T(s, r) for s in table.regions) + brute.direct[r]
        made = brute.production[r] + brute.direct[r]
        for quantity, expected in (
            ("net_domestic_exports", net), ("consumption", used), ("production", made)
        ):  # fmt: skip
            row = found.loc[(quantity, "total", r)]
            assert row["value"] == pytest.approx(expected, abs=near)
            per_head = found.loc[(quantity, "population", r)]
            assert per_head["unit"] == "t/person"
            assert per_head["value"] == pytest.approx(expected / (i + 1), abs=near)  # Mt per 1e6
    totals = found.xs("total", level="per")["value"]
    assert totals["net_domestic_exports"].sum() == pytest.approx(0, abs=near)


def test_ranks() -> None:
    found = rankings(Leontief(random_world(5, 5, 2)), ["r1", "r2", "r3", "r4"], {})
    for _, block in found.groupby("quantity"):
        by_value = block.sort_values("value", ascending=False)
        assert by_value["rank"].tolist() == [1, 2, 3, 4]


def test_consumption_per_denominator_is_its_intensity() -> None:
    table = example(2007)
    system = Leontief(table)
    given = {"population": people(list(table.regions))}
    found = rankings(system, EU, given)
    found = found[(found.quantity == "consumption") & (found.per == "population")]
    known = intensities(system, given=given)
    known = known[(known.kind == "consumption") & (known.denominator == "population")]
    expected = known.set_index("region").loc[found["region"], "value"]
    np.testing.assert_allclose(found["value"], expected)
    assert found.attrs["denominators"] == {"population": "census"}


def test_unknown_denominators_are_not_ranked() -> None:
    given = people(["r1", "r2", "r3"])
    given.values["r2"] = np.nan
    found = rankings(Leontief(random_world(5, 4, 2)), ["r1", "r2", "r3"], {"population": given})
    row = found[(found.region == "r2") & (found.per == "population")]
    assert row["value"].isna().all()
    assert row["rank"].isna().all()


def test_groups_divide_sums() -> None:
    table = random_world(5, 5, 2)
    groups = Grouping({"r1": "east", "r2": "west", "r3": "east", "r4": "abroad", "r5": "abroad"})
    given = {"population": people(["r1", "r2", "r3"])}  # abroad is not asked for
    system = Leontief(table)
    found = rankings(system, ["east", "west"], given, grouping=groups)
    found = found.set_index(["quantity", "per", "region"])["value"]
    used = footprint(system)["consumption"]
    expected = (used["r1"] + used["r3"]) / 4
    assert found["consumption", "population", "east"] == pytest.approx(expected)
    assert found["net_domestic_exports", "total", "east"] == pytest.approx(
        -found["net_domestic_exports", "total", "west"]
    )


def test_panels() -> None:
    found = rankings(Leontief(random_world(5, 5, 2)), ["r1", "r2", "r3", "r4"],
                     {"population": people(["r1", "r2", "r3", "r4"])})  # fmt: skip
    panels = ranking_panels(found)
    assert list(panels.columns.levels[1]) == ["total", "population"]
    out, into = panels["Net domestic exporters"], panels["Net domestic importers"]
    assert (out.notna() ^ into.notna()).all().all()
    assert out["total"].sum() == pytest.approx(into["total"].sum())
    assert (out.fillna(1) > 0).all().all()
    assert panels.attrs["units"] == {"total": "Mt", "population": "t/person"}


@pytest.mark.parametrize(
    ("number", "ends"), [(7, ["Consumption"]), (8, ["Largest consumption", "Smallest consumption"])]
)
def test_few_regions_are_ranked_from_one_end(number: int, ends: list[str]) -> None:
    regions = [f"r{i + 1}" for i in range(number)]
    found = rankings(Leontief(random_world(5, number + 1, 2)), regions, {})
    panels = ranking_panels(found)
    assert list(panels.columns.unique("row"))[2:] == ends
    assert all(panels[end].equals(panels[ends[0]]) for end in ends)
    one = ranking_panels(found, both_ends=False)
    assert list(one.columns.unique("row"))[2:] == ["Consumption"]


@pytest.mark.parametrize(("consumption", "unit", "scale"), [
    ([0.1, 0.2, 0.9], "g/CNY", 1000), ([0.1, 0.6, 0.9], "kg/CNY", 1)
])  # fmt: skip
def test_small_kilograms_per_currency_become_grams(
    consumption: list[float], unit: str, scale: float
) -> None:
    nets = [-0.3, 0.1, 0.2]
    found = pd.DataFrame({
        "region": [*"ABC"] * 2, "quantity": ["net_domestic_exports"] * 3 + ["consumption"] * 3,
        "per": "gdp", "value": nets + consumption, "unit": "kg/CNY",
    })  # fmt: skip
    panels = ranking_panels(found)
    assert panels.attrs["units"] == {"gdp": unit}
    np.testing.assert_allclose(panels["Consumption", "gdp"], scale * np.array(consumption))
    assert panels["Net domestic importers", "gdp"]["A"] == pytest.approx(0.3 * scale)
    assert panels["Net domestic exporters", "gdp"]["C"] == pytest.approx(0.2 * scale)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"p": people(["r1"])}, LabelError, "denominator 'p' lacks r2: give NaN"),
        ({"total": people(["r1", "r2"])}, LabelError, "denominator 'total' is the undivided"),
        ({"p": Denominator(pd.Series({"r1": 0.0, "r2": 1}), "person")}, DataError, "of r1 is 0: "),
        ({"p": Denominator(pd.Series([1.0, 1, 2], ["r1", "r1", "r2"]), "person")}, LabelError,
         "denominator 'p' has r1 twice"),
        ({"p": pd.Series({"r1": 1.0, "r2": 1})}, DataError, "'p' is a Series: give Denominator"),
    ],
)  # fmt: skip
def test_mistakes(given, error, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=said):
        rankings(Leontief(random_world(1, 3, 2)), ["r1", "r2"], given)


def test_measure() -> None:
    with pytest.raises(DataError, match="measure='net' is not known"):
        rankings(Leontief(two_regions()), ["A"], {}, measure="net")  # type: ignore[arg-type]
