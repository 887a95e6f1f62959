"""What a study of hotspots refuses of its files: one clear line for each fault, nothing left."""

import numpy as np
import pandas as pd
import pytest

from hotspot_edits import (
    a_cell,
    at,
    emptied,
    in_metres,
    outlines,
    raster,
    reaching_over,
    refused,
    table,
    without,
    written,
)

# Changes of files, and what the message says.
FILES = {
    "no unit": (raster("population.tif", unit=False), r"population\.tif does not say its unit"),
    "a part of the country": (
        raster("population.tif", lambda v: v[:, :, : v.shape[2] // 2]),
        r"population.*its extent leaves out .*CHN-0\d, up to \d+% .*partial = true",
    ),
    "a cell below zero": (raster("population.tif", a_cell(-5)), r"1 negative cells, together -5"),
    "a mark for no data": (
        raster("population.tif", emptied(-9999.0), nodata=None), r"-9999, .*say missing=-9999\.0"
    ),
    "cells that are no numbers": (
        raster("population.tif", emptied(np.nan), nodata=None), r"cells are NaN; .*missing="
    ),
    "nobody anywhere": (raster("population.tif", lambda v: 0 * v), r"population.* no cell above 0"),
    "text for a raster": (written("lights.tif", b"lights"), r"lights\.tif"),
    "points in metres": (
        table("plants.csv", in_metres), r"plants\.csv: .*are no degrees: .*\(crs=\)"
    ),
    "points swapped": (
        table("plants.csv", lambda f: f.rename(
            columns={"longitude": "latitude", "latitude": "longitude"}
        )),
        r"latitude\(s\) beyond 90°.*\(swap=True\)",
    ),
    "a point at (0, 0)": (
        table("plants.csv", at(3, longitude=0, latitude=0)),
        r"1 point\(s\) at longitude 0, latitude 0 \(line 5 .*null_island=",
    ),
    "a point far away": (
        table("plants.csv", at(3, longitude=124.5, latitude=37.3)),
        r"point 5 at \(124\.5, 37\.3\) declared in CHN-\d\d, \d+ km off.*misplaced=",
    ),
    "a point in another region": (
        table("plants.csv", lambda f: f.assign(region=f["region"].replace(
            {"CHN-01": "CHN-03", "CHN-03": "CHN-01"}
        ))),
        r"declared in CHN-0[13].*km off",
    ),
    "a region that is not there": (
        table("plants.csv", at(3, region="CHN-09")), r"region CHN-09 is not in the table; did you"
    ),
    "a sector that is not there": (
        table("plants.csv", at(3, sector="Power")), r"sector Power is not in the mass; choose"
    ),
    "a value below zero": (table("plants.csv", at(2, value=-1)), r"1 negative value.*line 4"),
    "a value left out": (table("plants.csv", at(2, value=np.nan)), r"1 point.s. without value"),
    "a value in words": (table("plants.csv", at(2, value="much")), r"plants\.csv.*'much'"),
    "points twice": (
        table("plants.csv", lambda f: pd.concat([f, f.iloc[:2]])), r"2 point\(s\) repeat one before"
    ),
    "another column": (
        table("plants.csv", lambda f: f.rename(columns={"value": "Value"})),
        r"no column 'value': did you mean 'Value'",
    ),
    "cities over one another": (
        outlines("cities.geojson", reaching_over), r"010100 and 010200 overlap by [\d.e+]+ km²"
    ),
    "two cities of one code": (
        outlines("cities.geojson", lambda f: f.assign(code=["010100", *f["code"][:-1]])),
        r"010100 is the code of several outlines",
    ),
    "ports without columns": (
        table("ports.csv", lambda f: f.rename(columns={"longitude": "lon"})),
        r"ports\.csv: no column longitude; it has to have name, longitude, latitude",
    ),
    "ports without a place": (
        table("ports.csv", at(0, longitude=np.nan)),
        r"ports\.csv: longitude of \w+ is no number; correct it",
    ),
    "no ports": (table("ports.csv", lambda f: f.iloc[:0]), r"no ports: give one"),
    "nothing that says where": (
        without("[hotspots.points", "[hotspots.cities]"), r"nothing says where sectors emit: give"
    ),
    "ports beyond the globe": (
        table("ports.csv", at(0, longitude=190.0)), r"ports \w+: not on the globe; give degrees"
    ),
    "ports of an empty file": (
        written("ports.csv", b""), r"ports\.csv: no table of commas .*; correct hotspots\.ports"
    ),
    "ports that are not in UTF-8": (
        written("ports.csv", "name,longitude,latitude\n上海,121,31\n".encode("gbk")),
        r"ports\.csv: no table of commas in UTF-8 .*; correct hotspots\.ports",
    ),
    "ports with lines of other lengths": (
        written("ports.csv", b"name,longitude,latitude\na,1,2\nb,1,2,3\n"),
        r"ports\.csv: no table of commas .*; correct hotspots\.ports",
    ),
    "ports in words": (
        table("ports.csv", at(0, longitude="east")),
        r"ports\.csv: longitude of \w+ is no number; correct it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_files_that_do_not_say_what_they_should_are_refused(attempt, tmp_path, case):
    files, told = FILES[case]
    refused(attempt, tmp_path, told, files=files)
