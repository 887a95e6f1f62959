"""Points from tables and vector files, what is refused, and where they lie."""

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from carbonflows.errors import DataError, GridError, LabelError, SourceError, UnitError
from carbonflows.raster import CHINA_ALBERS
from carbonflows.sources.located import located
from carbonflows.sources.points import plant_emissions, read_points

WRI = {
    "longitude": "Longitude", "latitude": "Latitude", "fuel": "Fuel", "name": "Name",
    "value": "Capacity (MW)", "unit": "MW",
}  # fmt: skip
# GeoJSON cannot say a reference system without a code.
FILES = [
    (suffix, crs)
    for suffix in ("geojson", "gpkg", "shp")
    for crs in ("EPSG:4326", "EPSG:3857", CHINA_ALBERS)
    if (suffix, crs) != ("geojson", CHINA_ALBERS)
]
ALL = {"fuel": "fuel", "name": "name", "value": "value", "unit": "MW"}
HEADER = "name,longitude,latitude,fuel,value"
GOOD = ["Ertan,101.78,26.82,Hydro,3300", "Binhai,120.2,34.3,Coal,1000"]


def table(folder: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path = folder / "plants.csv"
    path.write_bytes(("\n".join([header, *rows]) + "\n").encode(encoding))
    return path


def vector(folder: Path, suffix: str, crs: str = "EPSG:4326") -> Path:
    """Write the two good points as another kind of file."""
    cells = [row.split(",") for row in GOOD]
    frame = geopandas.GeoDataFrame(
        {"name": [c[0] for c in cells], "fuel": [c[3] for c in cells],
         "value": [float(c[4]) for c in cells], "region": [11, 7]},
        geometry=[shapely.Point(float(c[1]), float(c[2])) for c in cells], crs="EPSG:4326",
    )  # fmt: skip
    path = folder / f"plants.{suffix}"
    frame.to_crs(crs).to_file(path)
    return path


def test_columns_and_what_is_said(tmp_path: Path) -> None:
    points = read_points(table(tmp_path, *GOOD), **ALL)
    assert points.columns.tolist() == ["longitude", "latitude", "fuel", "name", "value"]
    assert points.loc[2].tolist() == [101.78, 26.82, "Hydro", "Ertan", 3300]
    assert points.index.tolist() == [2, 3]
    assert points.attrs["unit"] == "MW"
    assert points.attrs["treated"] == []
    assert points.attrs["source"]["name"] == "plants.csv"
    assert points.dtypes[["longitude", "latitude", "value"]].eq("float64").all()


def test_labels_stay_text(tmp_path: Path) -> None:
    path = table(tmp_path, "a,1,2,010,007", "b,3,4,,1", header="name,longitude,latitude,code,prov")
    points = read_points(path, region="code", sector="prov")
    assert points.region.tolist()[0] == "010"
    assert pd.isna(points.region.tolist()[1])
    assert points.sector.tolist() == ["007", "1"]


def test_byte_order_mark_quotes_and_blank_lines(tmp_path: Path) -> None:
    rows = ['"Two\nlines, ""quoted""",101.78,26.82,Hydro,3300', "", GOOD[1]]
    points = read_points(table(tmp_path, *rows, encoding="utf-8-sig"), **ALL)
    assert points.name.tolist() == ['Two\nlines, "quoted"', "Binhai"]
    assert points.index.tolist() == [3, 5]  # the last line of each


def test_other_encodings_are_named(tmp_path: Path) -> None:
    path = table(tmp_path, "二滩,101.78,26.82,Hydro,3300", encoding="gbk")
    with pytest.raises(SourceError, match="is not UTF-8 text"):
        read_points(path, **ALL)
    assert read_points(path, encoding="gbk", **ALL).name.tolist() == ["二滩"]
    with pytest.raises(SourceError, match="is not text in gkb: name another encoding"):
        read_points(path, encoding="gkb", **ALL)


@pytest.mark.parametrize(("suffix", "crs"), FILES)
def test_vector_files_give_the_same_points(tmp_path: Path, suffix: str, crs: str) -> None:
    points = read_points(vector(tmp_path, suffix, crs), region="region", **ALL)
    wanted = read_points(table(tmp_path, *GOOD), **ALL)
    np.testing.assert_allclose(
        points[["longitude", "latitude"]], wanted[["longitude", "latitude"]], rtol=0, atol=1e-9
    )
    assert points.drop(columns=["longitude", "latitude"]).to_numpy().tolist() == [
        ["11", "Hydro", "Ertan", 3300.0], ["7", "Coal", "Binhai", 1000.0],
    ]  # fmt: skip
    assert points.index.name == "feature"
    assert [t.startswith("transformed from") for t in points.attrs["treated"]] == (
        [] if crs == "EPSG:4326" else [True]
    )


def test_projected_table_is_transformed(tmp_path: Path) -> None:
    x, y = Transformer.from_crs("EPSG:4326", CHINA_ALBERS, always_xy=True).transform(101.78, 26.82)
    path = table(tmp_path, f"Ertan,{x!r},{y!r},Hydro,3300")
    points = read_points(path, crs=CHINA_ALBERS, **ALL)
    assert points.loc[2, ["longitude", "latitude"]].tolist() == pytest.approx([101.78, 26.82])
    assert points.attrs["treated"][0].startswith("transformed from")
    with pytest.raises(GridError, match="'EPSG:0' is no reference system"):
        read_points(path, crs="EPSG:0", **ALL)


BAD: list[tuple[str, list[str], type[Exception], str]] = [
    ("null island", ["a,0,0,Coal,1", "b,0,0,Coal,2", "c,0,1,Coal,1"], GridError,
     "2 point(s) at longitude 0, latitude 0 (line 2 (a), line 3 (b)): give their places, or "
     "null_island='drop' or 'keep'"),
    ("swapped", ["a,26.8,101.8,Coal,1", "b,30,120,Coal,1"], GridError,
     "2 latitude(s) beyond 90°, up to 120 (line 2 (a), line 3 (b)): they are longitudes: exchange"),
    ("wild", ["a,126.8,101.8,Coal,1"], GridError, "correct them, or name the reference system"),
    ("metres", ["a,-345000.5,3011000,Coal,1"], GridError,
     "coordinates up to 3,011,000 (line 2 (a)) are no degrees: name the reference system"),
    ("0 to 360", ["a,20,3,Coal,1", "b,350,3,Coal,1"], GridError,
     "1 longitude(s) beyond 180°, up to 350 (line 3 (b)): turn them to −180…180"),
    ("west", ["a,-190,3,Coal,1"], GridError, "line 2 (a) has a longitude below −180"),
    ("no place", ["a,20,,Coal,1", *GOOD], DataError,
     "1 point(s) without coordinates (line 2 (a)): fill them in"),
    ("no value", [*GOOD, "a,20,10,Coal,"], DataError, "1 point(s) without value (line 4 (a))"),
    ("word", [*GOOD, "a,20,10° N,Coal,1"], DataError,
     "'latitude' is no number in line 4, for example '10° N': write a number with a point"),
    ("comma", ['a,20,10,Coal,"1,5"'], DataError, "'value' is no number in line 2"),
    ("infinite", ["a,20,10,Coal,inf"], DataError, "'value' is no number in line 2"),
    ("not a number", ["a,20,10,Coal,nan"], DataError, "for example 'nan'"),
    ("negative", ["a,20,10,Coal,-3", "b,20,10,Coal,-4"], DataError,
     "2 negative value(s), together -7 (line 2 (a), line 3 (b)): correct them"),
    ("twice", [GOOD[0], GOOD[1], GOOD[0].replace("Ertan", "Ertan 2")], GridError,
     "1 point(s) repeat one before in all but the name (line 4 (Ertan 2)): remove them"),
    ("empty", [], SourceError, "has no points: get it again"),
    ("short", ["a,20,10"], SourceError, "line 2 has 3 cells, 5 were expected"),
    ("quote", ['"a,20,10,Coal,1'], SourceError, "is broken"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "kind", "words"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_tables_are_refused_in_a_line(
    tmp_path: Path, rows: list[str], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as refused:
        read_points(table(tmp_path, *rows), **ALL)
    assert words in str(refused.value)
    assert "plants.csv" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_semicolons_and_tabs_are_refused_with_a_word(tmp_path: Path) -> None:
    for mark, word in ((";", "semicolons"), ("\t", "tabs")):
        rows = [row.replace(",", mark) for row in GOOD]
        path = table(tmp_path, *rows, header=HEADER.replace(",", mark))
        with pytest.raises(SourceError, match=f"is separated by {word}: save it with commas"):
            read_points(path, **ALL)


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    path = table(tmp_path, "1,2,3", header="Longitude,lat,Lat")
    with pytest.raises(LabelError, match="no column 'longitude', 'latitude': did you mean 'Longit"):
        read_points(path)
    path = table(tmp_path, "1,2,3", header="longitude,latitude,latitude")
    with pytest.raises(LabelError, match="has the column 'latitude' twice"):
        read_points(path)


def test_units_and_files_that_cannot_be(tmp_path: Path) -> None:
    path = table(tmp_path, *GOOD)
    for unit, words in ((None, "'value' has no unit"), ("MWW", "unit 'MWW', which is not known")):
        with pytest.raises(UnitError, match=words):
            read_points(path, value="value", unit=unit)
    with pytest.raises(UnitError, match="unit 'MW' without a value"):
        read_points(path, unit="MW")
    with pytest.raises(SourceError, match="no such file"):
        read_points(tmp_path / "nothing.csv")
    with pytest.raises(SourceError, match="no such file"):
        read_points(tmp_path / "nothing.gpkg")
    with pytest.raises(DataError, match="missing='ignore' is not known: choose from refuse, drop"):
        read_points(path, missing="ignore")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="negative='zero' is not known"):
        read_points(path, negative="zero")  # type: ignore[arg-type]
    (tmp_path / "broken.geojson").write_text("{")
    with pytest.raises(SourceError, match=r"broken\.geojson cannot be read"):
        read_points(tmp_path / "broken.geojson")
    (tmp_path / "none.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(SourceError, match=r"none\.geojson has no features"):
        read_points(tmp_path / "none.geojson")
    box = geopandas.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:4326")
    box.to_file(tmp_path / "box.geojson")
    with pytest.raises(SourceError, match="features of type Polygon: give points"):
        read_points(tmp_path / "box.geojson")


@pytest.mark.parametrize(
    ("rows", "asked", "left", "words"),
    [
        (["a,0,0,Coal,1"], {"null_island": "drop"}, [2, 3], "1 point(s) at (0, 0) left out"),
        (["a,0,0,Coal,1"], {"null_island": "keep"}, [2, 3, 4], "1 point(s) at (0, 0) kept"),
        (["a,,1,Coal,1"], {"missing": "drop"}, [2, 3], "1 point(s) without coordinates left out"),
        (["a,2,1,Coal,"], {"missing": "drop"}, [2, 3], "1 point(s) without value left out"),
        (["a,2,1,Coal,-1"], {"negative": "drop"}, [2, 3], "1 negative value(s) left out (line 4"),
        (["a,2,1,Coal,-1"], {"negative": "keep"}, [2, 3, 4], "1 negative value(s) kept"),
        ([GOOD[0]], {"duplicates": "drop"}, [2, 3], "1 repeated point(s) left out"),
        ([GOOD[0]], {"duplicates": "keep"}, [2, 3, 4], "1 repeated point(s) kept (line 4 (Ertan))"),
        (["a,200,1,Coal,1"], {"wrap": True}, [2, 3, 4], "1 longitude(s) turned by −360°"),
    ],
)
def test_what_is_asked_for_is_done_and_said(
    tmp_path: Path, rows: list[str], asked: dict[str, Any], left: list[int], words: str
) -> None:
    points = read_points(table(tmp_path, *GOOD, *rows), **ALL, **asked)
    assert points.index.tolist() == left
    (said,) = points.attrs["treated"]
    assert words in said
    if "wrap" in asked:
        assert points.longitude.loc[4] == -160


def test_swap_is_done_when_asked(tmp_path: Path) -> None:
    points = read_points(table(tmp_path, "a,26.8,101.8,Coal,1"), swap=True)
    assert points.loc[2].tolist() == [101.8, 26.8]
    assert points.attrs["treated"] == ["longitude and latitude exchanged"]


def test_no_point_left_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no points are left"):
        read_points(table(tmp_path, "a,0,0,Coal,1"), null_island="drop")


def test_power_plants_of_china(shared: Path) -> None:
    path = shared / "china" / "power_plants_wri_china.csv"
    with pytest.raises(DataError, match=r"11 point\(s\) without coordinates \(line 298 \(Taonan"):
        read_points(path, **WRI)
    with pytest.raises(GridError, match=r"17 point\(s\) repeat one before"):
        read_points(path, missing="drop", **WRI)
    points = read_points(path, missing="drop", duplicates="keep", **WRI)
    raw = pd.read_csv(path)[["Longitude", "Latitude", "Capacity (MW)", "Fuel"]].dropna()
    assert (len(raw), len(points)) == (3096, 3096)
    assert points.value.sum() == pytest.approx(raw["Capacity (MW)"].sum(), rel=1e-12)
    assert [t.split(" ")[0] for t in points.attrs["treated"]] == ["11", "30", "17"]
    factors = {"Coal": 0.9, "Natural Gas": 0.4}
    hours = {"Coal": 5000, "Natural Gas": 3000}
    rest = dict.fromkeys(set(raw.Fuel) - set(factors), 0)
    made = plant_emissions(points, factors | rest, hours | rest)
    by_fuel = raw.groupby("Fuel")["Capacity (MW)"].sum()
    wanted = by_fuel["Coal"] * 4500 + by_fuel["Natural Gas"] * 1200
    assert made.value.sum() == pytest.approx(wanted, rel=1e-12)
    assert made.attrs["unit"] == "t CO2"
    assert points.attrs["unit"] == "MW"


def plants() -> pd.DataFrame:
    points = pd.DataFrame({"fuel": ["Coal", "Hydro", "Coal"], "value": [1.5, 2.0, 0.5]})
    points.attrs |= {"unit": "GW", "treated": ["x"]}
    return points


def test_capacity_times_hours_times_factor() -> None:
    made = plant_emissions(plants(), {"Coal": 0.8, "Hydro": 0, "Gas": 1}, {"Coal": 5e3, "Hydro": 9})
    assert made.value.tolist() == [6e6, 0, 2e6]
    assert made.capacity.tolist() == [1500, 2000, 500]
    assert made.attrs["treated"] == ["x", "value is capacity × hours × factor"]
    assert plants().attrs["treated"] == ["x"]


@pytest.mark.parametrize(
    ("change", "factors", "hours", "kind", "words"),
    [
        ({}, {"coal": 1, "Hydro": 0}, 1, LabelError, "fuel Coal has no factor: did you mean 'coal"),
        ({}, {"Coal": 1}, 1, LabelError, "fuel Hydro has no factor: give a factor, zero if"),
        ({}, {"Coal": 1, "Hydro": 0}, {"Coal": 1}, LabelError, "fuel Hydro has no hours"),
        ({}, {"Coal": -1, "Hydro": 0}, 1, DataError, "Coal -1: factor must be 0 or more"),
        ({}, {"Coal": np.nan, "Hydro": 0}, 1, DataError, "Coal nan: factor must be"),
        ({}, {"Coal": np.inf, "Hydro": 0}, 1, DataError, "Coal inf: factor must be"),
        ({}, {"Coal": 1, "Hydro": 0}, 9000, DataError, "Coal 9000, Hydro 9000: hours must be 0 to"),
        ({"fuel": None}, {}, 1, LabelError, "3 point(s) without a fuel (0, 1, 2)"),
        ({"unit": "t"}, {"Coal": 1, "Hydro": 0}, 1, UnitError, "'t' does not convert to 'MW'"),
        ({"unit": ""}, {"Coal": 1, "Hydro": 0}, 1, UnitError, "points do not say the unit"),
        ({"drop": "fuel"}, {}, 1, LabelError, "points have no column 'fuel'"),
    ],
)
def test_plants_that_cannot_be_estimated(
    change: dict, factors: dict, hours: Any, kind: type[Exception], words: str
) -> None:
    points = plants()
    if "fuel" in change:
        points["fuel"] = None
    if "unit" in change:
        points.attrs["unit"] = change["unit"]
    if "drop" in change:
        points = points.drop(columns=change["drop"])
    with pytest.raises(kind) as refused:
        plant_emissions(points, factors, hours)
    assert words in str(refused.value)


def shapes(crs: str = "EPSG:4326") -> geopandas.GeoDataFrame:
    areas = [shapely.box(100, 20, 101, 21), shapely.box(101, 20, 102, 21)]
    return geopandas.GeoDataFrame(index=["B", "A"], geometry=areas, crs="EPSG:4326").to_crs(crs)


def at(*places: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(places, columns=["longitude", "latitude"], index=range(7, 7 + len(places)))


def test_located_takes_the_first_on_a_border() -> None:
    found = located(at((101, 20.5), (101.5, 20.5), (100, 20), (99, 20.5)), shapes())
    assert found.region.tolist()[:3] == ["B", "A", "B"]
    assert pd.isna(found.region.iloc[3])
    assert found.nearest.tolist() == ["B", "A", "B", "B"]
    assert found.index.tolist() == [7, 8, 9, 10]
    assert found.distance.tolist()[:3] == [0, 0, 0]
    turned = located(at((101, 20.5)), shapes().iloc[::-1])
    assert turned.region.tolist() == ["A"]


@settings(max_examples=40, deadline=None)
@given(st.floats(-179.9, 179.9), st.floats(-89, 89))
def test_distance_is_that_of_a_dense_border(x: float, y: float) -> None:
    """An independent route: geodesics to every hundredth of a degree of the border."""
    areas = shapes().geometry
    inside = areas.intersects(shapely.Point(x, y))
    found = located(at((x, y)), shapes()).iloc[0]
    if inside.any():
        assert found.distance == 0
        return
    dense = shapely.get_coordinates(shapely.segmentize(areas.to_numpy(), 0.001))
    _, _, metres = Geod(ellps="WGS84").inv(*(np.full(len(dense), v) for v in (x, y)), *dense.T)
    assert found.distance == pytest.approx(metres.min() / 1e3, rel=1e-5, abs=0.05)


def test_distance_over_the_date_line_and_in_a_projection() -> None:
    far = geopandas.GeoDataFrame(
        index=["F"], geometry=[shapely.box(179, -1, 180, 1)], crs="EPSG:4326"
    )
    found = located(at((-179, 0), (178, 0)), far)
    assert found.distance.tolist() == pytest.approx([111.3195, 111.3195], abs=1e-3)
    flat = located(at((99, 20.5), (100.5, 20.5)), shapes(CHINA_ALBERS))
    assert flat.region.iloc[1] == "B"
    round_ = located(at((99, 20.5)), shapes())
    assert flat.distance.iloc[0] == pytest.approx(round_.distance.iloc[0], rel=1e-3)


def test_located_is_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(3)
    points = pd.DataFrame(
        {"longitude": rng.uniform(99, 103, 1200), "latitude": rng.uniform(19, 22, 1200)}
    )
    found = located(points, shapes())
    for row in rng.choice(1200, 60, replace=False):
        dot = shapely.Point(points.iloc[row])
        holds = [label for label, area in shapes().geometry.items() if area.intersects(dot)]
        assert (holds[:1] or [None])[0] == (
            None if pd.isna(found.region[row]) else found.region[row]
        )
        assert found.distance[row] == located(points.iloc[[row]], shapes()).distance.iloc[0]


def test_swapped_points_are_seen_by_the_outlines() -> None:
    right = at((100.5, 20.5), (101.5, 20.5), (99, 3))
    wrong = right.rename(columns={"longitude": "latitude", "latitude": "longitude"})
    with pytest.raises(GridError) as refused:
        located(wrong, shapes())
    assert str(refused.value) == (
        "no point of 3 lies in an outline, 2 would with longitude and latitude exchanged: exchange "
        "them (read_points(…, swap=True))"
    )
    elsewhere = located(at((50, 50)), shapes())  # outside either way: that is no swap
    assert elsewhere.region.isna().all()


def test_outlines_that_hold_nothing_are_refused() -> None:
    bow = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    for area, words in ((bow, "A: the outline crosses itself"), (None, "A: empty outline")):
        given_shapes = geopandas.GeoDataFrame(index=["A"], geometry=[area], crs="EPSG:4326")
        with pytest.raises(GridError, match=words):
            located(at((1, 1)), given_shapes)
    with pytest.raises(GridError, match="without a reference system"):
        located(at((1, 1)), shapes().set_crs(None, allow_override=True))
    with pytest.raises(GridError, match="no outlines"):
        located(at((1, 1)), shapes().iloc[:0])
    with pytest.raises(GridError, match="points 7 have no coordinates"):
        located(at((1, np.nan)), shapes())
    with pytest.raises(LabelError, match="no column latitude"):
        located(at((1, 1)).drop(columns="latitude"), shapes())
    assert located(at(), shapes()).empty


def test_empty_geometry_in_a_vector_file_is_a_missing_place(tmp_path: Path) -> None:
    feature = {"type": "Feature", "properties": {"name": "a"}, "geometry": None}
    there = {**feature, "geometry": {"type": "Point", "coordinates": [1, 2]}}
    path = tmp_path / "plants.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [there, feature]}))
    with pytest.raises(DataError, match=r"1 point\(s\) without coordinates \(feature 2"):
        read_points(path, name="name")
    assert read_points(path, name="name", missing="drop").index.tolist() == [1]
