"""Where nodes emit: by hand, refused, and whatever the layers are."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import DataError, GridError, LabelError, UnitError
from carbonflows.grid.coverage import coverage
from carbonflows.grid.layers import PointLayer, RasterLayer, UniformLayer
from carbonflows.grid.surfaces import shares
from carbonflows.grid.weights import weights
from carbonflows.raster import Grid
from weights_laws import GRID, LAND, WEST, dense, masses, outlines, plants, require_lawful


def test_by_hand_on_six_cells():
    # A is the west half: columns 0 and half of 1; B the east half.
    mass = masses(
        A__power=4, A__shops=2, A__farms=1, B__power=3, B__shops=1, B__farms=0, C__power=9
    )
    points = plants((0.5, 1.5, 1), (1.2, 0.5, 3), (2.5, 1.5, 2), sector="power")
    people = GRID.array([[4, 2, 0], [0, 2, 8]], name="people", unit="persons")
    placed = weights(
        GRID, LAND, mass,
        [PointLayer("plants", points), RasterLayer("people", people, ["shops"]), UniformLayer()],
    )  # fmt: skip
    found = dense(placed)
    assert list(found) == [
        ("A", "power"), ("A", "shops"), ("A", "farms"), ("B", "power"), ("B", "shops"),
    ]  # fmt: skip
    assert found["A", "power"].tolist() == [0.25, 0, 0, 0, 0.75, 0]
    assert found["B", "power"].tolist() == [0, 0, 1, 0, 0, 0]
    assert found["A", "shops"] == pytest.approx(np.array([4, 1, 0, 0, 1, 0]) / 6, abs=1e-14)
    assert found["B", "shops"] == pytest.approx(np.array([0, 1, 0, 0, 1, 8]) / 10, abs=1e-14)
    area = GRID.area.ravel() * [1, 0.5, 0, 1, 0.5, 0]
    assert found["A", "farms"] == pytest.approx(area / area.sum(), rel=1e-12)
    require_lawful(placed, mass)
    assert placed.report["step"].tolist() == ["direct"] * 5
    assert placed.report["cells"].tolist() == [2, 3, 4, 1, 3]
    assert placed.report.attrs == {"unit": "", "elsewhere": 9.0, "outside": {}}
    assert placed.fallback_mass.to_dict() == {
        "sector group": 0, "industry": 0, "fallback layer": 0, "land": 0,
    }  # fmt: skip
    facts = placed.layers.set_index("layer")
    assert facts.loc["people", ["total", "inside", "elsewhere"]].tolist() == pytest.approx(
        [16, 16, 0], abs=1e-12
    )
    drawn = placed.shares("A", "power")
    assert Grid.of(drawn) == GRID
    assert drawn.values.ravel().tolist() == [0.25, 0, 0, 0, 0.75, 0]


def test_sectors_of_one_raster_and_of_the_same_points_share_patterns():
    sectors = [f"s{i}" for i in range(20)]
    mass = pd.Series(1.0, pd.MultiIndex.from_product([["A", "B"], ["power", "heat", *sectors]]))
    people = GRID.array(np.ones(6), name="people", unit="persons")
    points = plants((0.5, 0.5, 1), (2.5, 0.5, 1), fuel=["Coal", "Coal"])
    placed = weights(
        GRID, LAND, mass,
        [PointLayer("plants", points, {"Coal": ["power", "heat"]}), RasterLayer("people", people)],
    )  # fmt: skip
    assert placed.patterns.shape == (6, 4)
    assert placed.mix.shape == (4, 44)


# Points that carry their own emissions.


def own(points, **given) -> PointLayer:
    return PointLayer("plants", points, ["power"], carries="own", unit="Mt CO2", **given)


def test_what_points_of_their_own_emissions_leave_goes_to_the_next_layer():
    mass = masses("Mt CO2", A__power=4, B__power=2)
    placed = weights(GRID, LAND, mass, [own(plants((0.5, 0.5, 3), (2.5, 0.5, 2))), UniformLayer()])
    area = GRID.area.ravel() * [1, 0.5, 0, 1, 0.5, 0]
    expected = 0.25 * area / area.sum() + 0.75 * np.array([0, 0, 0, 1, 0, 0])
    assert dense(placed)["A", "power"] == pytest.approx(expected, rel=1e-12)
    assert dense(placed)["B", "power"].tolist() == [0, 0, 0, 0, 0, 1]
    assert placed.report[["region", "layer", "mass", "share"]].to_numpy().tolist() == [
        ["A", "plants", 3, 0.75], ["A", "land", 1, 0.25], ["B", "plants", 2, 1],
    ]  # fmt: skip
    require_lawful(placed, mass)


def test_rounding_is_no_excess():
    mass = masses("Mt CO2", A__power=0.3)
    placed = weights(GRID, WEST, mass, [own(plants((0.5, 0.5, 0.1), (0.5, 1.5, 0.2)))], most=0)
    assert len(placed.report) == 1
    require_lawful(placed, mass)


@pytest.mark.parametrize("power", [2.0, 0.0])
def test_points_that_carry_more_than_their_node_are_refused_or_scaled(power):
    mass = masses("Mt CO2", A__power=power, A__shops=1, B__power=1)
    points = plants((0.5, 0.5, 3), (0.5, 1.5, 1), (2.5, 0.5, 1))
    with pytest.raises(GridError) as caught:
        weights(GRID, LAND, mass, [own(points), UniformLayer()])
    assert str(caught.value) == (
        f"plants: points of A/power (+{4 - power:g}) carry more than the node emits; check unit "
        "and year, or use excess='scale'"
    )
    placed = weights(GRID, LAND, mass, [own(points, excess="scale"), UniformLayer()])
    scaled = placed.report.set_index(["region", "sector"])["scaled"]
    assert scaled["A", "power"] == power / 4
    assert scaled["B", "power"] == 1
    if power:
        assert dense(placed)["A", "power"].tolist() == [0.25, 0, 0, 0.75, 0, 0]
    require_lawful(placed, mass)


def test_own_emissions_are_converted_to_the_unit_of_the_mass():
    layers = [own(plants((0.5, 0.5, 3))), UniformLayer()]
    placed = weights(GRID, WEST, masses("kt CO2", A__power=9000), layers)
    assert placed.report["mass"].tolist() == [3000, 6000]


def test_own_emissions_of_carbon_are_not_those_of_carbon_dioxide():
    mass = masses("Mt", A__power=9)
    mass.attrs["stressor"] = "CO2"
    for unit in ("kt C", "kt CH4", "kt"):
        points = PointLayer("plants", plants((0.5, 0.5, 3)), ["power"], carries="own", unit=unit)
        layers = [points, UniformLayer()]
        if unit == "kt":
            assert weights(GRID, WEST, mass, layers).report["mass"].tolist() == [0.003, 8.997]
        else:
            with pytest.raises(UnitError, match=rf"plants: .*{unit[3:]}"):
                weights(GRID, WEST, mass, layers)


def test_own_emissions_in_a_unit_that_does_not_convert_are_refused():
    with pytest.raises(UnitError, match=r"plants: .*CO2"):
        weights(GRID, WEST, masses("Mt C", A__power=9), [own(plants((0.5, 0.5, 3)))])


def test_two_layers_of_own_emissions_follow_one_another():
    mass = masses("Mt CO2", A__power=4)
    second = PointLayer("works", plants((0.5, 1.5, 3)), ["power"], carries="own")
    layers = [own(plants((0.5, 0.5, 3))), second, UniformLayer()]
    with pytest.raises(GridError, match=r"works: points of A/power \(\+2\) carry more"):
        weights(GRID, WEST, mass, layers)


# What is refused.


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"mass": masses(A__x=-1)}, DataError, "mass of A/x is below zero; place such nodes apart"),
        ({"mass": masses(A__x=np.nan)}, DataError, "mass of A/x is no number"),
        ({"mass": masses(A__x=0, C__x=3)}, DataError, "A: no emissions to place; give their mass"),
        ({"mass": pd.Series([1.0], ["A"])}, LabelError, "mass must be labelled (region, sector)"),
        ({"mass": masses(a__x=1)}, LabelError, "outlines of A: no such region in the mass; did"),
        ({"shapes": LAND.set_crs(None, allow_override=True)}, GridError, "outlines without a ref"),
        (
            {"shapes": LAND.iloc[[0, 0]]}, LabelError, "A: more than one outline; dissolve them",
        ),
        (
            {"grid": Grid("EPSG:4326", 0, 2, 1, 1, 2, 1)}, GridError,
            "A: 33.3% of its outline is outside of the grid (1 such); make the grid larger",
        ),
        ({"misplaced": "keep"}, DataError, "misplaced='keep' is not known: use 'refuse', "),
        ({"most": -1}, DataError, "most=-1, tolerance=10.0: give numbers from 0 up"),
        (
            {"layers": [UniformLayer(), UniformLayer()]}, LabelError,
            "land: two layers of one name; rename one",
        ),
        (
            {"layers": [UniformLayer("land", ["X"])]}, LabelError,
            "land: sector X is not in the mass; did you mean 'x'?",
        ),
        (
            {"groups": {"all": ["xx"]}}, LabelError, "group all: no sector xx; leave it out",
        ),
        ({"groups": {"all": "x"}}, LabelError, "group all: 'x' is one word; give a list: ['x']"),
        ({"groups": {"a": ["x"], "b": ["x"]}}, LabelError, "'x' is in the groups a and b; leave"),
        (
            {"coverage": coverage(Grid("EPSG:4326", 0, 2, 0.5, 0.5, 4, 6), LAND)}, GridError,
            "the coverage is of another grid or other outlines; leave it out",
        ),
        (
            {"layers": []}, GridError,
            "A/x (100.0%): no layer says where they emit, 100.0% of the mass in all; give a layer "
            "for these sectors, or raise most=0.05",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(change, error, message):
    usual = {
        "grid": GRID, "shapes": WEST, "mass": masses(A__x=1),
        "layers": [UniformLayer("land")],
    }  # fmt: skip
    with pytest.raises(error) as caught:
        weights(**(usual | change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_coverage_that_is_there_already_is_used():
    given = coverage(GRID, LAND)
    placed = weights(GRID, LAND, masses(A__x=1, B__x=1), [UniformLayer()], coverage=given)
    require_lawful(placed, masses(A__x=1, B__x=1))


def test_shares_sum_to_one_to_the_last_digit():
    tenths = np.full(100, 0.1)
    assert math.fsum(tenths / tenths.sum()) != 1
    assert math.fsum(shares(tenths)) == 1
    many = np.random.default_rng(0).lognormal(0, 4, 300_000)
    assert abs(math.fsum(shares(many)) - 1) <= 2.3e-16


def test_shares_of_a_node_that_is_not_placed():
    placed = weights(GRID, LAND, masses(A__power=1, B__power=0), [UniformLayer()])
    with pytest.raises(LabelError, match="B/power is not placed on the grid; did you mean 'A/pow"):
        placed.shares("B", "power")


# Whatever is given.

CUT = st.floats(0.3, 2.7)
AMOUNT = st.one_of(st.just(0.0), st.floats(1e-6, 1e6))


@st.composite
def worlds(draw):
    cut = draw(CUT)
    shapes = outlines("EPSG:4326", A=(0, 0, cut, 2), B=(cut, 0, 3, 2))
    sectors = ["power", "steel", "shops"]
    index = pd.MultiIndex.from_product([["A", "B"], sectors])
    mass = pd.Series(draw(st.lists(AMOUNT, min_size=6, max_size=6)), index)
    mass.iloc[0] += 1.0
    spots = draw(
        st.lists(
            st.tuples(st.floats(0, 2.999), st.floats(0.001, 2), AMOUNT, st.sampled_from(sectors)),
            max_size=8,
        )
    )
    points = pd.DataFrame(spots, columns=["longitude", "latitude", "value", "sector"])
    step = draw(st.sampled_from([0.25, 0.5, 1.0]))
    raster = Grid.lonlat(step, (0, 0, 3, 2))
    values = draw(st.lists(AMOUNT, min_size=raster.size, max_size=raster.size))
    people = raster.array(values, name="people", unit="persons")
    chosen = draw(st.lists(st.sampled_from(sectors), unique=True, max_size=3))
    return shapes, mass, PointLayer("works", points), RasterLayer("people", people, chosen)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.permutations([0, 1]))
def test_any_layers_conserve_mass(world, order):
    shapes, mass, works, people = world
    layers = [[works, people][k] for k in order]
    groups = {"industry": ["power", "steel"]}
    placed = weights(GRID, shapes, mass, layers, groups=groups, most=1)
    require_lawful(placed, mass)
    assert placed.nodes.tolist() == mass.index[mass > 0].tolist()
    # What follows a raster or the land is in cells that its region has a part of.
    cover = coverage(GRID, shapes).matrix.toarray()
    found = dense(placed)
    for line in placed.report[placed.report["layer"].isin(["people", "land"])].itertuples():
        reach = cover[:, list(shapes.index).index(line.region)]
        assert found[line.region, line.sector][reach == 0].sum() == 0


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_layers_do_not_matter_to_sectors_that_they_do_not_speak_for(world):
    shapes, mass, works, people = world
    if set(works.named) & set(people.named):
        works = PointLayer(
            "works", works.points, dict.fromkeys(("power", "steel", "shops"), "power")
        )
        people = RasterLayer("people", people.data, ["shops"])
    one = weights(GRID, shapes, mass, [works, people], most=1)
    other = weights(GRID, shapes, mass, [people, works], most=1)
    spoken = one.report[one.report["step"] == "direct"]
    found, again = dense(one), dense(other)
    for node in zip(spoken["region"], spoken["sector"], strict=True):
        assert np.array_equal(found[node], again[node])
