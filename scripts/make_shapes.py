"""Make `src/carbonflows/data/shapes/countries.geojson` from Natural Earth.

Usage: ``python scripts/make_shapes.py countries-50m.json``, where the file is the TopoJSON of that
name in the npm package ``world-atlas`` 2.x (Natural Earth 1:50m, public domain).

The outlines are simplified as one coverage in the projection of the maps, so that neighbours keep
one common border, and cut at the antimeridian. Everything decided here by hand (disputed areas,
overseas parts, islets that the source lacks) is a table at the top of this file and is repeated in
the README that the script writes beside the result.
"""

import argparse
import hashlib
import importlib.resources
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

TARGET = Path(__file__).resolve().parents[1] / "src" / "carbonflows" / "data" / "shapes"
PROJECTION = "+proj=eqearth +lon_0=11 +over +datum=WGS84"
TOLERANCE = 10_000.0  # m; square root of the smallest triangle that simplification keeps
SMALLEST = 300e6  # m²; smaller islands go, unless they are the largest land of their country
DECIMALS = 3  # degrees

# Features of the source without an ISO number, and who gets them.
UNNUMBERED = {
    "Kosovo": "XKX",
    "N. Cyprus": "CYP",
    "Somaliland": "SOM",
    "Siachen Glacier": "IND",
    "Indian Ocean Ter.": "CXR",
}
# Pieces moved to another code: (from, to, west, south, east, north) of the box that holds them.
MOVED = [
    ("FRA", "GLP", -62.0, 15.7, -60.8, 16.7),
    ("FRA", "MTQ", -61.5, 14.2, -60.6, 15.1),
    ("FRA", "GUF", -55.0, 2.0, -51.0, 6.0),
    ("FRA", "MYT", 44.8, -13.2, 45.5, -12.5),
    ("FRA", "REU", 55.0, -21.6, 56.0, -20.6),
    ("NLD", "BES", -69.0, 11.5, -62.5, 18.0),
    ("NOR", "SJM", -10.0, 70.5, -7.0, 71.5),
    ("NOR", "SJM", 9.0, 74.0, 36.0, 81.0),
    ("NZL", "TKL", -173.0, -10.0, -171.0, -8.0),
    ("CXR", "CCK", 96.0, -13.0, 98.0, -11.0),
    ("RUS", "UKR", 32.3, 44.2, 36.8, 46.3),
]
# Places too small for the source: (longitude, latitude), drawn as discs of 0.05 degrees.
ISLETS = {
    "GIB": ("Gibraltar", -5.35, 36.08),
    "TUV": ("Tuvalu", 179.20, -8.52),
    "BVT": ("Bouvet Island", 3.36, -54.42),
    "UMI": ("U.S. Minor Outlying Is.", -177.37, 28.21),
}
# Codes that follow another country wherever a list of members does not name them.
PART_OF = {
    "GLP": "FRA", "MTQ": "FRA", "GUF": "FRA", "MYT": "FRA", "REU": "FRA", "MAF": "FRA",
    "BLM": "FRA", "ATF": "FRA", "BES": "NLD", "SJM": "NOR", "BVT": "NOR", "CXR": "AUS",
    "CCK": "AUS", "NFK": "AUS", "HMD": "AUS", "TKL": "NZL", "UMI": "USA", "ALA": "FIN",
    "IOT": "GBR", "SGS": "GBR", "XKX": "SRB",
}  # fmt: skip
NAMES = {
    "GLP": "Guadeloupe", "MTQ": "Martinique", "GUF": "French Guiana", "MYT": "Mayotte",
    "REU": "Réunion", "BES": "Caribbean Netherlands", "SJM": "Svalbard and Jan Mayen",
    "TKL": "Tokelau", "CXR": "Christmas Island", "CCK": "Cocos Islands", "MKD": "North Macedonia",
    "SWZ": "Eswatini", "AUS": "Australia",
}  # fmt: skip


def polygons_of(topology: dict[str, Any]) -> dict[str, list[shapely.Polygon]]:
    """Decode the TopoJSON into the polygons of each ISO3 code, whole across the antimeridian."""
    table = pd.read_csv(
        importlib.resources.files("country_converter") / "country_data.tsv",
        sep="\t", dtype=str, keep_default_na=False,
    )  # fmt: skip
    table = table[(table["obsolete"] == "") & (table["ISOnumeric"] != "")]
    codes = dict(zip(table["ISOnumeric"].str.zfill(3), table["ISO3"], strict=True))
    scale = np.array(topology["transform"]["scale"])
    origin = np.array(topology["transform"]["translate"])
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + origin for arc in topology["arcs"]]

    def ring(indices: list[int]) -> np.ndarray:
        parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
        line = np.vstack([parts[0], *(part[1:] for part in parts[1:])])
        line[:, 0] = np.unwrap(line[:, 0], period=360)
        return line

    found: dict[str, list[shapely.Polygon]] = {}
    for feature in topology["objects"]["countries"]["geometries"]:
        name = feature["properties"]["name"]
        iso3 = codes[feature["id"]] if "id" in feature else UNNUMBERED[name]
        if iso3 == "ATA":
            continue
        NAMES.setdefault(iso3, name)
        several = feature["type"] == "MultiPolygon"
        for rings in feature["arcs"] if several else [feature["arcs"]]:
            outer, *holes = [ring(indices) for indices in rings]
            polygon = shapely.Polygon(outer, holes)
            middle = polygon.centroid.x
            turn = 360 if middle < -169 else -360 if middle > 191 else 0
            polygon = shapely.transform(polygon, lambda xy, turn=turn: xy + np.array([turn, 0]))
            found.setdefault(iso3, []).append(polygon)
    return found


def moved(found: dict[str, list[shapely.Polygon]]) -> dict[str, list[shapely.Polygon]]:
    """Apply `MOVED` and `ISLETS`."""
    for origin, target, west, south, east, north in MOVED:
        box = shapely.box(west, south, east, north)
        wide = shapely.union(box, shapely.box(west + 360, south, east + 360, north))
        inside = [p for p in found[origin] if wide.contains(p)]
        if not inside:
            raise SystemExit(f"no polygon of {origin} lies in the box for {target}: check MOVED")
        found[origin] = [p for p in found[origin] if not wide.contains(p)]
        found.setdefault(target, []).extend(inside)
    for iso3, (name, east, north) in ISLETS.items():
        NAMES[iso3] = name
        centre = shapely.Point(east + 360 if east < -169 else east, north)
        found[iso3] = [centre.buffer(0.05, quad_segs=2)]
    return found


def simplified(found: dict[str, list[shapely.Polygon]]) -> dict[str, Any]:
    """Drop islets, dissolve and simplify all countries as one coverage; back in degrees."""
    there = Transformer.from_crs("EPSG:4326", PROJECTION, always_xy=True)

    def projected(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(there.transform(xy[:, 0], xy[:, 1]))

    def unprojected(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(there.transform(xy[:, 0], xy[:, 1], direction="INVERSE"))

    kept = {}
    for iso3, polygons in sorted(found.items()):
        flat = shapely.union_all(shapely.transform(polygons, projected))
        pieces = shapely.get_parts(flat)
        area = shapely.area(pieces)
        kept[iso3] = shapely.multipolygons(pieces[(area >= SMALLEST) | (area == area.max())])
    coverage = np.array(list(kept.values()))
    coverage = shapely.coverage_simplify(coverage, TOLERANCE)
    degrees = shapely.transform(coverage, unprojected)
    rounded = shapely.transform(degrees, lambda xy: np.round(xy, DECIMALS))
    return dict(zip(kept, shapely.make_valid(rounded), strict=True))


def cut(geometry: Any) -> Any:
    """Move what lies beyond 180 degrees east to the western edge of the world."""
    if geometry.bounds[2] <= 180:
        return geometry
    inside = shapely.intersection(geometry, shapely.box(-180, -90, 180, 90))
    beyond = shapely.intersection(geometry, shapely.box(180, -90, 540, 90))
    beyond = shapely.transform(beyond, lambda xy: xy - (360, 0))
    parts = [p for p in shapely.get_parts([inside, beyond]) if p.geom_type == "Polygon"]
    return shapely.transform(shapely.multipolygons(parts), lambda xy: np.round(xy, DECIMALS))


def coordinates(geometry: Any) -> list[Any]:
    """Return GeoJSON coordinates of a MultiPolygon, outer rings anticlockwise."""
    parts = [p for p in shapely.get_parts(geometry) if p.geom_type == "Polygon" and p.area > 0]
    parts = [shapely.orient_polygons(p) for p in parts]
    return [
        [np.asarray(ring.coords).round(DECIMALS).tolist() for ring in (p.exterior, *p.interiors)]
        for p in parts
    ]


README = """# countries.geojson

Outlines of {n} countries and territories for world maps, WGS 84, cut at the antimeridian; not for
measuring areas or distances. Made by `scripts/make_shapes.py`; do not edit.

- Source: Natural Earth, Admin 0 countries 1:50m, through `countries-50m.json` of the npm package
  `world-atlas` 2. Natural Earth is in the public domain; the package is (c) Michael Bostock, ISC
  licence.
- sha256 of the source: `{source}`
- sha256 of `countries.geojson`: `{result}`
- Properties: `iso3` (ISO 3166-1 alpha-3; `XKX` for Kosovo), `name`, `part_of`.
- Simplified as one coverage (neighbours share their border) in the Equal Earth projection with a
  tolerance of {tolerance:g} km; islands under {smallest:g} km² are left out unless they are the
  largest land of their country. Antarctica is left out.
- `part_of`: a territory that follows another country wherever a list of members does not name it:
  {part_of}.

Boundaries are those of the statistics that the package reads, and no statement on any claim:

- Northern Cyprus is in CYP and Somaliland in SOM. Kosovo has its own feature, XKX, and follows SRB.
- Crimea is in UKR, the Siachen glacier in IND. Western Sahara (ESH), Palestine (PSE) and Taiwan
  (TWN) have their own features.
- Overseas parts that Natural Earth draws with their country have their own features: GLP, MTQ,
  GUF, MYT, REU (from France), BES (Netherlands), SJM (Norway), TKL (New Zealand), CXR, CCK.
- Too small for Natural Earth 1:50m and drawn as discs of 0.05 degrees: {islets}.
"""


def main() -> None:
    """Read the TopoJSON named on the command line and write the GeoJSON and its README."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("topojson", type=Path, help="countries-50m.json of world-atlas")
    parser.add_argument("--out", type=Path, default=TARGET, help="folder to write to")
    arguments = parser.parse_args()
    source = arguments.topojson.read_bytes()
    shapes = simplified(moved(polygons_of(json.loads(source))))
    bad = shapely.coverage_invalid_edges(np.array(list(shapes.values())))
    gone = [iso3 for iso3, shape in shapes.items() if shape.area == 0]
    if gone or any(edge is not None and not edge.is_empty for edge in bad):
        raise SystemExit(f"not a coverage after rounding (lost: {gone}): lower TOLERANCE")
    lines = []
    for iso3, shape in shapes.items():
        properties = {"iso3": iso3, "name": NAMES[iso3], "part_of": PART_OF.get(iso3)}
        geometry = {"type": "MultiPolygon", "coordinates": coordinates(cut(shape))}
        feature = {"type": "Feature", "properties": properties, "geometry": geometry}
        lines.append(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
    text = '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n"
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "countries.geojson").write_text(text, encoding="utf-8", newline="\n")
    readme = README.format(
        n=len(lines),
        source=hashlib.sha256(source).hexdigest(),
        result=hashlib.sha256(text.encode()).hexdigest(),
        tolerance=TOLERANCE / 1e3,
        smallest=SMALLEST / 1e6,
        part_of=", ".join(f"{a} → {b}" for a, b in sorted(PART_OF.items())),
        islets=", ".join(sorted(ISLETS)),
    )
    (arguments.out / "README.md").write_text(readme, encoding="utf-8", newline="\n")
    vertices = int(shapely.get_num_coordinates(np.array(list(shapes.values()))).sum())
    print(f"{len(lines)} features, {vertices} vertices, {len(text.encode()) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
