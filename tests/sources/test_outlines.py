"""Outlines: codes, names, reference systems, what crosses itself, overlaps, homonyms."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.areas import cell_areas
from carbonflows.errors import DataError, GridError, LabelError, SourceError
from carbonflows.raster import CHINA_ALBERS
from carbonflows.sources.date_line import cut_at_date_line, jumps
from carbonflows.sources.outlines import homonyms, overlaps, read_outlines

# GeoJSON cannot say a reference system without a code.
FILES = [
    (suffix, crs)
    for suffix in ("geojson", "gpkg", "shp")
    for crs in ("EPSG:4326", "EPSG:3857", CHINA_ALBERS)
    if (suffix, crs) != ("geojson", CHINA_ALBERS)
]
BOXES = [shapely.box(100, 20, 101, 21), shapely.box(101, 20, 102, 21)]
BOW = shapely.Polygon([(100, 20), (101, 21), (101, 20), (100, 21)])
NICK = shapely.Polygon(
    [(100, 20), (101, 20), (101, 21), (100.5, 21), (100.51, 21.01), (100.5, 21.01), (100.51, 21),
     (100, 21)]
)  # fmt: skip


def frame(geometry: list[Any] | None = None, **columns: list[Any]) -> geopandas.GeoDataFrame:
    columns = columns or {"code": ["010", "007"], "name": ["Ten", "Seven"], "people": [3, 4]}
    return geopandas.GeoDataFrame(columns, geometry=geometry or BOXES, crs="EPSG:4326")


def written(folder: Path, shapes: geopandas.GeoDataFrame, suffix: str = "gpkg", **how: Any) -> Path:
    path = folder / f"regions.{suffix}"
    shapes.to_file(path, **how)
    return path


@pytest.mark.parametrize(("suffix", "crs"), FILES)
def test_formats_and_reference_systems(tmp_path: Path, suffix: str, crs: str) -> None:
    found = read_outlines(written(tmp_path, frame().to_crs(crs), suffix), code="code")
    assert found.index.tolist() == ["010", "007"]
    assert found.index.name == "code"
    assert found.columns.tolist() == ["name", "people", "geometry"]
    assert found.name.tolist() == ["Ten", "Seven"]
    assert found.crs == "EPSG:4326"
    np.testing.assert_allclose(found.total_bounds, (100, 20, 102, 21), atol=1e-9)
    assert len(found.attrs["treated"]) == (crs != "EPSG:4326")


def test_same_system_under_another_name_is_not_transformed(tmp_path: Path) -> None:
    found = read_outlines(written(tmp_path, frame().to_crs("OGC:CRS84")), code="code")
    assert found.crs == "EPSG:4326"
    assert found.attrs["treated"] == []
    assert shapely.equals_exact(found.geometry.to_numpy(), np.array(BOXES)).all()


def test_codes_and_names(tmp_path: Path) -> None:
    path = written(tmp_path, frame(code=[110000.0, 7.0], name=["b", None], zh=["二", "一"]))
    found = read_outlines(path, code="code")
    assert found.name.to_dict() == {"110000": "b", "7": "7"}
    found = read_outlines(path, code="code", digits=6, name="zh")
    assert found.name.to_dict() == {"110000": "二", "000007": "一"}
    assert found["name in file"].iloc[0] == "b"
    assert found.attrs["treated"] == [
        "1 code(s) filled with zeros to 6 digits",
        "the file's column 'name' is called 'name in file'"
    ]  # fmt: skip
    unnamed = written(tmp_path, frame(code=["a", "b"]), "geojson")
    assert read_outlines(unnamed, code="code").name.to_dict() == {"a": "a", "b": "b"}


def test_topojson_keeps_zeros_and_common_borders(tmp_path: Path) -> None:
    topology = {
        "type": "Topology",
        "arcs": [[[101, 20], [101, 21]], [[101, 21], [100, 21], [100, 20], [101, 20]],
                 [[101, 20], [102, 20], [102, 21], [101, 21]]],
        "objects": {"regions": {"type": "GeometryCollection", "geometries": [
            {"type": "Polygon", "arcs": [[0, 1]], "properties": {"code": "010", "name": "Ten"}},
            {"type": "Polygon", "arcs": [[-1, 2]], "properties": {"code": "007", "name": "Seven"}},
        ]}},
    }  # fmt: skip
    path = tmp_path / "regions.json"
    path.write_text(json.dumps(topology))
    with pytest.raises(GridError, match="does not say its reference system: name it, for example"):
        read_outlines(path, code="code")
    found = read_outlines(path, code="code", crs="EPSG:4326")
    assert found.index.tolist() == ["010", "007"]
    assert found.geometry.iloc[0].equals(BOXES[0])
    assert overlaps(found, tolerance=0).empty


def test_reference_system_must_be_right(tmp_path: Path) -> None:
    metres = frame().to_crs(CHINA_ALBERS).set_crs("EPSG:4326", allow_override=True)
    with pytest.raises(GridError, match=r"are no longitudes .* name their reference system"):
        read_outlines(written(tmp_path, metres), code="code")
    with pytest.raises(GridError, match="is in WGS 84, not in WGS 84 / Pseudo-Mercator: leave crs"):
        read_outlines(written(tmp_path, frame()), code="code", crs="EPSG:3857")
    with pytest.raises(GridError, match="'EPSG:0' is no reference system"):
        read_outlines(written(tmp_path, frame()), code="code", crs="EPSG:0")
    path = written(tmp_path, frame(), "shp")
    path.with_suffix(".prj").unlink()
    with pytest.raises(GridError, match="does not say its reference system"):
        read_outlines(path, code="code")
    assert read_outlines(path, code="code", crs="EPSG:4326").crs == "EPSG:4326"


def test_text_in_shapefiles_needs_an_encoding(tmp_path: Path) -> None:
    shapes = frame(code=["1", "2"], name=["北京", "天津"])
    path = written(tmp_path, shapes, "shp", encoding="gbk")
    path.with_suffix(".cpg").unlink()
    mark = bytearray(path.with_suffix(".dbf").read_bytes())
    mark[29] = 0  # no encoding stated
    path.with_suffix(".dbf").write_bytes(mark)
    with pytest.raises(SourceError, match="does not say the encoding of its text: name it"):
        read_outlines(path, code="code")
    assert read_outlines(path, code="code", encoding="gbk").name.tolist() == ["北京", "天津"]
    with pytest.raises(SourceError, match="is not text in utf-8: name another"):
        read_outlines(path, code="code", encoding="utf-8")
    with pytest.raises(SourceError, match="is not text in gkb"):
        read_outlines(path, code="code", encoding="gkb")
    stated = written(tmp_path, shapes, "shp", encoding="utf-8")
    assert read_outlines(stated, code="code").name.tolist() == ["北京", "天津"]


def test_layers_are_chosen(tmp_path: Path) -> None:
    path = written(tmp_path, frame(), layer="provinces")
    frame().to_file(path, layer="cities")
    with pytest.raises(SourceError, match="has the layers provinces, cities: say which one"):
        read_outlines(path, code="code")
    assert len(read_outlines(path, code="code", layer="cities")) == 2
    with pytest.raises(SourceError, match="no layer 'citie': did you mean 'cities'"):
        read_outlines(path, code="code", layer="citie")


BAD: list[tuple[str, geopandas.GeoDataFrame, type[Exception], str]] = [
    ("column", frame(Code=["a", "b"]), LabelError, "no column 'code': did you mean 'Code'?"),
    ("no code", frame(code=["a", None], name=["A", "B"]), LabelError,
     "outlines without a code (B (2)): choose another column, or leave them out (uncoded='drop')"),
    ("twice", frame(code=["a", "a"], name=["A", "B"]), LabelError,
     "a is the code of several outlines (A, B): choose another column, or join them"),
    ("crossing", frame([BOW, BOXES[1]]), GridError, "outlines cross themselves (010; Self-inters"),
    ("empty", frame([None, BOXES[1]]), GridError, "010 has an empty outline: draw it, or leave"),
    ("line", frame([shapely.LineString([(0, 0), (1, 1)]), BOXES[1]]), GridError,
     "010 is a LineString, no area: give polygons"),
    ("date line", frame([shapely.Polygon([(170, 0), (-170, 0), (-170, 9), (170, 9)]), BOXES[1]]),
     GridError, "outlines jump from one side of the map to the other (010): cut them at 180°"),
]  # fmt: skip


@pytest.mark.parametrize(("shapes", "kind", "words"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_outlines_are_refused_in_a_line(
    tmp_path: Path, shapes: geopandas.GeoDataFrame, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as refused:
        read_outlines(written(tmp_path, shapes, "geojson"), code="code")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_bad_files_and_arguments(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        read_outlines(tmp_path / "none.geojson", code="code")
    (tmp_path / "none.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(SourceError, match="has no features"):
        read_outlines(tmp_path / "none.geojson", code="code")
    (tmp_path / "cut.gpkg").write_bytes(written(tmp_path, frame()).read_bytes()[:5000])
    with pytest.raises(SourceError, match=r"cut\.gpkg (cannot be read|has no features)"):
        read_outlines(tmp_path / "cut.gpkg", code="code")
    with pytest.raises(DataError, match="parts='join' is not known: choose from refuse, merge"):
        read_outlines(tmp_path / "cut.gpkg", code="code", parts="join")  # type: ignore[arg-type]
    nothing = written(tmp_path, frame([shapely.Polygon(), None]), "geojson")
    with pytest.raises(GridError, match="has empty outlines only"):
        read_outlines(nothing, code="code", empty="drop")


def test_what_is_asked_for_is_done_and_said(tmp_path: Path) -> None:
    three = frame([*BOXES, None], code=["a", "b", "c"])
    found = read_outlines(written(tmp_path, three, "geojson"), code="code", empty="drop")
    assert found.index.tolist() == ["a", "b"]
    assert found.attrs["treated"] == ["empty outlines left out (c)"]
    half = written(tmp_path, frame(code=["a", ""], name=["A", "B"]))
    found = read_outlines(half, code="code", uncoded="drop")
    assert (found.index.tolist(), found.attrs["treated"]) == (
        ["a"], ["outlines without a code left out (B (2))"]
    )  # fmt: skip
    both = written(tmp_path, frame(code=["a", "a"], name=["A", "B"]))
    found = read_outlines(both, code="code", parts="merge")
    assert found.name.to_dict() == {"a": "A"}
    assert found.geometry.iloc[0].equals(shapely.box(100, 20, 102, 21))
    assert found.attrs["treated"] == ["outlines with one code joined (a)"]


def test_mending_keeps_the_outline_or_is_refused(tmp_path: Path) -> None:
    found = read_outlines(written(tmp_path, frame([NICK, BOXES[1]])), code="code", mend=True)
    assert found.is_valid.all()
    assert found.geometry.iloc[0].area == pytest.approx(1, abs=1e-4)
    (said,) = found.attrs["treated"]
    assert said.startswith("outlines that crossed themselves mended (010), areas changed by up to")
    # Two lobes of opposite turn: a bow has no area by its own count, half a box once mended.
    with pytest.raises(GridError, match=r"mending 010 would change its area from 0 to 0\.5"):
        read_outlines(written(tmp_path, frame([BOW, BOXES[1]])), code="code", mend=True)
    flat = shapely.Polygon([(100, 20), (101, 20), (100, 20)])
    with pytest.raises(GridError, match="mending 010 would change its area"):
        read_outlines(written(tmp_path, frame([flat, BOXES[1]])), code="code", mend=True)


def test_homonyms_are_listed(tmp_path: Path) -> None:
    boxes = [shapely.box(x, 0, x + 1, 1) for x in range(4)]
    shapes = frame(boxes, code=["1", "2", "3", "4"], name=["b", "a", "b", "c"])
    found = homonyms(read_outlines(written(tmp_path, shapes), code="code"))
    assert found.to_dict() == {"b": ("1", "3")}
    assert homonyms(read_outlines(written(tmp_path, shapes[1:]), code="code")).empty


def test_overlaps_by_area_against_exact_cells() -> None:
    areas = [shapely.box(0, 0, 1, 1), shapely.box(0.9, 0, 2, 1), shapely.box(2, 0, 3, 1),
             shapely.box(2.999, 0.5, 4, 0.51)]  # fmt: skip
    shapes = geopandas.GeoDataFrame(index=list("ABCD"), geometry=areas, crs="EPSG:4326")
    found = overlaps(shapes)
    assert found[["first", "second"]].to_numpy().tolist() == [["A", "B"]]
    assert found.area[0] == pytest.approx(float(cell_areas([0], [1], 0.1)[0]), rel=1e-9)
    assert found.share[0] == pytest.approx(0.1, rel=1e-9)
    sliver = float(cell_areas([0.5], [0.51], 0.001)[0])
    assert found.attrs["slivers"] == pytest.approx(sliver, rel=1e-6)
    every = overlaps(shapes, tolerance=0)
    assert every[["first", "second"]].to_numpy().tolist() == [["A", "B"], ["C", "D"]]
    assert overlaps(shapes.to_crs(CHINA_ALBERS)).area[0] == pytest.approx(found.area[0], rel=1e-3)
    with pytest.raises(GridError, match="without a reference system"):
        overlaps(shapes.set_crs(None, allow_override=True))
    with pytest.raises(GridError, match="0: the outline crosses itself"):
        overlaps(frame([BOW, BOXES[1]]))


@settings(max_examples=60, deadline=None)
@given(
    west=st.floats(-179, 179), width=st.floats(0.5, 170), south=st.floats(-80, 70),
    height=st.floats(0.5, 10), seam=st.booleans(),
)  # fmt: skip
def test_cutting_is_the_box_it_was(
    west: float, width: float, south: float, height: float, seam: bool
) -> None:
    """A box that is wrapped at the date line, with or without points on it, comes back in two."""
    east, north = west + width, south + height
    inner = [180.0, -180.0] if seam and west < 180 < east else []
    below, above = [west, *inner, east], [east, *inner[::-1], west]
    if inner:
        above = [east, -180.0, 180.0, west]
    ring = [(x, south) for x in below] + [(x, north) for x in above]
    ring = [(x - 360 if x > 180 else x, y) for x, y in ring]
    shape = shapely.Polygon(ring)
    if east <= 180:
        assert not jumps(shape)
    elif east > 180.001:
        assert jumps(shape)
    cut = cut_at_date_line(shape)
    assert cut.is_valid
    assert cut.area == pytest.approx(width * height, rel=1e-9)
    assert cut.bounds[0] >= -180
    assert cut.bounds[2] <= 180
    middle = (west + width / 2 + 180) % 360 - 180
    assert cut.intersects(shapely.Point(middle, south + height / 2))


def test_rings_around_a_pole_and_holes() -> None:
    coast = [(x, -70 + (x % 20) / 10) for x in range(-180, 181, 10)]
    cap = cut_at_date_line(shapely.Polygon(coast))
    assert jumps(shapely.Polygon(coast)) is True
    assert cap.bounds == (-180, -90, 180, -69)
    mean = np.mean([(a[1] + b[1]) / 2 for a, b in pairwise(coast)])
    assert cap.area == pytest.approx(360 * (90 + mean), rel=1e-12)
    ring = [(170, 0), (-170, 0), (-170, 9), (170, 9)]
    hole = [(-179, 3), (-178, 3), (-178, 4), (-179, 4)]
    over = [(179, 5), (-179, 5), (-179, 6), (179, 6)]
    cut = cut_at_date_line(shapely.Polygon(ring, [hole, over]))
    assert cut.area == pytest.approx(20 * 9 - 1 - 2, rel=1e-12)
    with pytest.raises(GridError, match="over neither pole"):
        cut_at_date_line(shapely.Polygon([(-120, 0), (0, 0), (120, 0.5)]))


def test_maps_of_the_world_do_not_jump() -> None:
    world = shapely.box(-180, -90, 180, 90)
    band = shapely.box(-180, -60, 180, 75)
    for shape in (world, band, shapely.MultiPolygon([band])):
        assert not jumps(shape)
        assert cut_at_date_line(shape).equals(shape)


def test_provinces_and_prefectures_of_china(shared: Path) -> None:
    path = shared / "china" / "provinces.geojson"
    with pytest.raises(GridError, match=r"outlines cross themselves \(FJ, GD, GX, HI, LN and 2"):
        read_outlines(path, code="code")
    provinces = read_outlines(path, code="code", mend=True)
    assert len(provinces) == 34
    assert provinces.is_valid.all()
    area = provinces.to_crs("+proj=cea").area / 1e6
    assert (area / provinces.area_km2).drop(["HK", "MO"]).between(0.9, 1.12).all()
    found = overlaps(provinces)
    assert len(found) == 67
    assert found.area.max() == pytest.approx(91.2, abs=0.1)
    assert overlaps(provinces, tolerance=100).empty
    cities = read_outlines(
        shared / "china" / "prefectures_topo.json", code="id", layer="prefectures",
        crs="EPSG:4326", mend=True,
    )  # fmt: skip
    assert len(cities) == 372
    assert cities.index.str.fullmatch(r"\d{6}").all()
    assert homonyms(cities).index.tolist() == ["Fuzhou", "Suzhou", "Taizhou", "Yichun", "Yulin"]
    assert overlaps(cities).empty


def test_countries_of_the_world_against_another_file(shared: Path) -> None:
    """Russia, Fiji and Antarctica are stitched over the date line in one file, cut in another."""
    world = read_outlines(
        shared / "geo" / "countries-110m.json", code="id", layer="countries", crs="EPSG:4326",
        uncoded="drop", mend=True,
    )  # fmt: skip
    assert "outlines cut at the date line (242, 643, 010)" in world.attrs["treated"]
    assert world.name["004"] == "Afghanistan"
    other = read_outlines(
        shared / "geo" / "ne_110m_admin_0_countries.json", code="ADM0_A3", mend=True
    )
    for one, two, most in (("643", "RUS", 2e-4), ("242", "FJI", 3e-3), ("010", "ATA", 1e-4)):
        here, there = world.geometry[one], other.geometry[two]
        assert here.symmetric_difference(there).area / there.area < most
    fine = shared / "geo" / "countries-50m.json"
    with pytest.raises(LabelError, match=r"036 is the code of several outlines \(Australia, Ashmo"):
        read_outlines(
            fine, code="id", layer="countries", crs="EPSG:4326", uncoded="drop", mend=True
        )
