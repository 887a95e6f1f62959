"""What nodes follow of which no layer speaks, and how much they may carry."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from carbonflows.errors import GridError
from carbonflows.grid.fallback import Part, substitutes
from carbonflows.grid.layers import PointLayer, RasterLayer
from carbonflows.grid.weights import weights
from carbonflows.raster import Grid

# Three regions of two cells each; works in A and B only.
GRID = Grid("EPSG:4326", 0, 1, 1, 1, 1, 6)
LAND = gpd.GeoDataFrame(
    index=["A", "B", "C"], geometry=[shapely.box(k, 0, k + 2, 1) for k in (0, 2, 4)],
    crs="EPSG:4326",
)  # fmt: skip
SECTORS = ["power", "steel", "glass", "shops"]
GROUPS = {"minerals": ["glass", "steel"], "services": ["shops"]}
MASS = pd.Series(
    [6.0, 3, 1, 1, 4, 0, 2, 0, 0, 0, 5, 1], pd.MultiIndex.from_product([["A", "B", "C"], SECTORS])
)
WORKS = PointLayer(
    "works",
    pd.DataFrame(
        {
            "longitude": [0.5, 1.5, 1.5, 2.5], "latitude": 0.5, "value": [1.0, 2, 5, 1],
            "sector": ["power", "power", "steel", "power"],
        }
    ),
)  # fmt: skip
PEOPLE = RasterLayer(
    "people", GRID.array([1, 1, 1, 1, 1, 3], name="people", unit="persons"), fallback=True
)


def shares(placed, region, sector):
    return placed.shares(region, sector).values.ravel().tolist()


def test_every_step_of_the_chain_by_hand():
    placed = weights(GRID, LAND, MASS, [WORKS, PEOPLE], groups=GROUPS, most=1)
    assert shares(placed, "A", "power") == pytest.approx([1 / 3, 2 / 3, 0, 0, 0, 0])
    assert shares(placed, "A", "steel") == [0, 1, 0, 0, 0, 0]
    # Glass follows steel, its group; shops all works: 6 of power and 3 of steel.
    assert shares(placed, "A", "glass") == [0, 1, 0, 0, 0, 0]
    assert shares(placed, "A", "shops") == pytest.approx([2 / 9, 7 / 9, 0, 0, 0, 0])
    # B has no steel for its glass: it follows power; C has no works at all: it follows people.
    assert shares(placed, "B", "glass") == [0, 0, 1, 0, 0, 0]
    assert shares(placed, "C", "glass") == pytest.approx([0, 0, 0, 0, 0.25, 0.75])
    report = placed.report.set_index(["region", "sector"])
    assert report["step"].to_dict() == {
        ("A", "power"): "direct", ("A", "steel"): "direct", ("A", "glass"): "sector group",
        ("A", "shops"): "industry", ("B", "power"): "direct", ("B", "glass"): "industry",
        ("C", "glass"): "fallback layer", ("C", "shops"): "fallback layer",
    }  # fmt: skip
    assert report["cells"].tolist() == [2, 1, 1, 2, 1, 1, 2, 2]
    assert report.loc[("C", "glass"), "layer"] == "people"
    assert placed.fallback_mass.to_dict() == {
        "sector group": 1, "industry": 3, "fallback layer": 6, "land": 0,
    }  # fmt: skip
    # Three patterns of works and one of people are enough for all eight nodes.
    assert placed.patterns.shape[1] == 4


def test_cells_of_several_patterns_are_counted_once():
    points = WORKS.points.assign(longitude=[0.5, 0.5, 1.5, 2.5])  # power in cell 0, steel in 1
    mass = MASS[[("A", "power"), ("A", "steel"), ("A", "shops")]]
    placed = weights(GRID, LAND.loc[["A"]], mass, [PointLayer("works", points[:3])], most=1)
    assert placed.report["cells"].tolist() == [1, 1, 2]


def test_the_land_comes_last():
    placed = weights(GRID, LAND, MASS, [WORKS], groups=GROUPS, most=1)
    assert shares(placed, "C", "glass") == pytest.approx([0, 0, 0, 0, 0.5, 0.5])
    assert placed.fallback_mass["land"] == 6
    assert placed.report.set_index(["region", "sector"]).loc[("C", "glass"), "layer"] == "land"


def test_a_fallback_layer_is_not_asked_before_the_others():
    # It stands first and speaks for all, and yet works and groups come before it.
    one = weights(GRID, LAND, MASS, [PEOPLE, WORKS], groups=GROUPS, most=1)
    other = weights(GRID, LAND, MASS, [WORKS, PEOPLE], groups=GROUPS, most=1)
    assert (one.matrix != other.matrix).nnz == 0


def test_a_fallback_layer_for_some_sectors_leaves_the_others_to_the_land():
    people = RasterLayer("people", PEOPLE.data, ["shops"], fallback=True)
    placed = weights(GRID, LAND, MASS, [WORKS, people], groups=GROUPS, most=1)
    steps = placed.report.set_index(["region", "sector"])["step"]
    assert steps["C", "shops"] == "fallback layer"
    assert steps["C", "glass"] == "land"


def test_what_own_points_leave_follows_the_node_s_own_points_as_its_group():
    works = PointLayer("works", WORKS.points, carries="own")
    mass = MASS.copy()
    mass["A", "steel"] = 8.0  # 5 are known
    placed = weights(GRID, LAND, mass, [works, PEOPLE], groups=GROUPS, most=1)
    lines = placed.report[(placed.report["region"] == "A") & (placed.report["sector"] == "steel")]
    assert lines[["step", "layer", "mass"]].to_numpy().tolist() == [
        ["direct", "works", 5.0], ["sector group", "works", 3.0],
    ]  # fmt: skip
    assert shares(placed, "A", "steel") == [0, 1, 0, 0, 0, 0]
    # Power has no group: 3 are known in cells 0 and 1 as 1 to 2, the rest as all works, 1 to 7.
    rest = np.array([1, 7]) / 8 * 3
    assert shares(placed, "A", "power")[:2] == pytest.approx(
        ((np.array([1, 2]) + rest) / 6).tolist()
    )


def test_too_much_on_fallbacks_is_refused_by_the_largest_nodes():
    with pytest.raises(GridError) as caught:
        weights(GRID, LAND, MASS, [WORKS, PEOPLE], groups=GROUPS)
    assert str(caught.value) == (
        "C/glass (21.7%), B/glass (8.7%), A/glass (4.3%), A/shops (4.3%), C/shops (4.3%): no layer "
        "says where they emit, 43.5% of the mass in all; give a layer for these sectors, or raise "
        "most=0.05"
    )
    assert caught.value.share == pytest.approx(10 / 23)
    assert caught.value.labels[0] == ("C", "glass")


@pytest.mark.parametrize(("most", "passes"), [(10 / 23 + 1e-9, True), (10 / 23 - 1e-9, False)])
def test_the_limit_is_a_share_of_all_mass_that_is_placed(most, passes):
    mass = pd.concat([MASS, pd.Series([1e6], pd.MultiIndex.from_tuples([("elsewhere", "power")]))])
    if passes:
        weights(GRID, LAND, mass, [WORKS, PEOPLE], groups=GROUPS, most=most)
    else:
        with pytest.raises(GridError, match="raise most="):
            weights(GRID, LAND, mass, [WORKS, PEOPLE], groups=GROUPS, most=most)


def test_mixed_parts_count_by_their_own_mass():
    # Steel is half in pattern 0 and half in pattern 1, whatever its weights add up to.
    parts = [
        Part("A", "steel", "direct", "works", 4.0, {0: 5.0, 1: 5.0}),
        Part("A", "glass", "direct", "kilns", 1.0, {1: 1.0}),
    ]
    by_group, by_region = substitutes(parts, {"metals": ["steel", "copper"]})
    assert by_group["A", "copper"].follows == {0: 2.0, 1: 2.0}
    assert by_region["A"].follows == {0: 2.0, 1: 3.0}
    assert by_region["A"].layer == "works, kilns"
