"""Points in cells and regions, and points that are not where they should be."""

import pytest

from carbonflows.errors import GridError, LabelError
from carbonflows.grid.layers import PointLayer, UniformLayer
from carbonflows.grid.weights import weights
from carbonflows.raster import Grid
from weights_laws import GRID, LAND, WEST, dense, masses, outlines, plants, require_lawful

FAR = plants((0.5, 0.5, 1), (2.5, 0.5, 3), region="A")  # the second is in B, 111 km off


@pytest.mark.parametrize(
    ("misplaced", "a", "b", "treated"),
    [
        ("declared", [0, 0, 0, 0.25, 0, 0.75], None, "declared"),
        ("located", [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 1], "located"),
        ("drop", [0, 0, 0, 1, 0, 0], None, "dropped"),
    ],
)
def test_points_outside_of_their_region_go_where_they_are_told(misplaced, a, b, treated):
    mass = masses(A__power=1, B__power=1)
    layer = PointLayer("plants", FAR, ["power"])
    with pytest.raises(GridError) as caught:
        weights(GRID, LAND, mass, [layer])
    assert str(caught.value) == (
        "plants: point 1 at (2.5, 0.5) declared in A, located in B, 111 km off; in all 1 outside "
        "its region (tolerance 10 km): correct them, or use misplaced='declared', 'located' or "
        "'drop'"
    )
    placed = weights(GRID, LAND, mass, [layer, UniformLayer()], misplaced=misplaced)
    assert dense(placed)["A", "power"].tolist() == a
    if b is not None:
        assert dense(placed)["B", "power"].tolist() == b
    row = placed.points.iloc[0]
    assert (row.declared, row.located, row.why, row.treated) == (
        "A", "B", "outside its region", treated
    )  # fmt: skip
    assert row.distance == pytest.approx(111.3, abs=0.1)
    facts = placed.layers.set_index("layer").loc["plants"]
    assert facts["dropped"] == (3 if misplaced == "drop" else 0)
    require_lawful(placed, mass)


def test_points_just_outside_count_where_they_are_declared_or_nearest():
    points = plants((1.55, 0.5, 1), (3.05, 0.5, 1), region=["A", None])  # 5.6 km off
    layer = PointLayer("plants", points, ["power"])
    grid = Grid("EPSG:4326", 0, 2, 1, 1, 2, 4)
    placed = weights(grid, LAND, masses(A__power=1, B__power=1), [layer])
    assert dense(placed)["A", "power"].tolist() == [0, 0, 0, 0, 0, 1, 0, 0]
    assert dense(placed)["B", "power"].tolist() == [0, 0, 0, 0, 0, 0, 0, 1]
    listed = placed.points[["point", "declared", "located", "why", "treated"]].to_numpy().tolist()
    assert listed == [
        [0, "A", "B", "within tolerance", "declared"], [1, "", "", "within tolerance", "nearest"],
    ]  # fmt: skip
    assert placed.points["distance"].tolist() == pytest.approx([5.566, 5.566], abs=1e-3)
    assert placed.layers["dropped"].tolist() == [0]
    with pytest.raises(GridError, match="6 km off; in all 1 outside its region, 1 outside all out"):
        weights(grid, LAND, masses(A__power=1, B__power=1), [layer], tolerance=5.5)


@pytest.mark.parametrize("misplaced", ["declared", "located"])
@pytest.mark.parametrize(
    ("lon", "lat", "region", "reason"),
    [
        (0, 0, None, "at 0°, 0°"),
        (9, 9, None, "outside all outlines"),
        (0.95, 3.05, "A", "outside the grid"),
    ],
)
def test_points_that_belong_nowhere_can_only_be_dropped(misplaced, lon, lat, region, reason):
    shapes = outlines("EPSG:4326", A=(0.9, 0.9, 2, 3))
    grid = Grid("EPSG:4326", 0, 3, 1, 1, 3, 3)
    mass = masses(A__power=1)
    layer = PointLayer("plants", plants((1.5, 1.5, 1), (lon, lat, 2), region=[None, region]))
    for way in ("refuse", misplaced):
        with pytest.raises(GridError, match=f"plants: point 1 at .* in all 1 {reason}"):
            weights(grid, shapes, mass, [layer], misplaced=way)
    placed = weights(grid, shapes, mass, [layer], misplaced="drop")
    assert placed.points[["point", "why", "treated"]].to_numpy().tolist() == [
        [1, reason, "dropped"]
    ]
    assert placed.layers["dropped"].tolist() == [2]


def test_points_on_a_shared_border_are_in_the_first_outline_or_the_declared_one():
    points = plants((1.5, 0.5, 1), (1.5, 1.5, 2), region=[None, "B"])
    placed = weights(
        GRID, LAND, masses(A__power=1, B__power=1), [PointLayer("plants", points, ["power"])]
    )
    assert dense(placed)["A", "power"].tolist() == [0, 0, 0, 0, 1, 0]
    assert dense(placed)["B", "power"].tolist() == [0, 1, 0, 0, 0, 0]


def test_points_of_regions_without_an_outline_are_counted_elsewhere():
    points = plants((0.5, 0.5, 1), (100, 50, 7), region=["A", "C"])
    mass = masses(A__power=1, C__power=5)
    placed = weights(GRID, WEST, mass, [PointLayer("plants", points)])
    assert placed.layers[["total", "inside", "elsewhere", "dropped"]].to_numpy().tolist() == [
        [8, 1, 7, 0]
    ]
    assert placed.nodes.tolist() == [("A", "power")]
    # So are points that the grid's projection does not have.
    far = plants((104.9, 36, 1), (-75, -60, 7), region=["A", "C"])
    shapes = outlines("EPSG:4326", A=(104, 35, 106, 37))
    grid = Grid.projected(shapes, 50e3)
    assert weights(grid, shapes, mass, [PointLayer("plants", far)]).layers["elsewhere"][0] == 7
    with pytest.raises(LabelError, match="plants: region CC is not in the table; did you mean"):
        weights(
            GRID, WEST, mass.rename({"C": "CCC"}, level=0),
            [PointLayer("plants", points.replace("C", "CC"))],
        )  # fmt: skip


def test_points_that_would_be_in_their_outline_exchanged_are_listed_all_the_same():
    # The distance to the declared outline does not depend on where the coordinates would be.
    points = plants((2.5, 0.5, 1), (2.9, 1.0, 1), region="A")
    shapes = outlines("EPSG:4326", A=(0, 0, 1, 3), B=(1, 0, 3, 3))
    grid = Grid("EPSG:4326", 0, 3, 1, 1, 3, 3)
    layers = [PointLayer("plants", points, ["power"]), UniformLayer()]
    placed = weights(grid, shapes, masses(A__power=1, B__power=1), layers, misplaced="located")
    assert placed.points["distance"].tolist() == pytest.approx([166.97, 211.48], abs=0.05)
    assert placed.points["located"].tolist() == ["B", "B"]
