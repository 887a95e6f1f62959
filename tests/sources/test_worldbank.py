"""World Bank indicators by country, and summed to a table's regions."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.errors import DataError, LabelError, SourceError
from carbonflows.sources.worldbank import AGGREGATES, by_region, read_worldbank

TIDY = """Country Name,Country Code,Year,Value
China,CHN,2006,2.75e12
China,CHN,2007,3.55e12
Namibia,NAM,2007,
"Korea, Rep.",KOR,2007,1.17e12
World,WLD,2007,58.3e12
"""
WIDE = """"Data Source","World Development Indicators",

"Last Updated Date","2024-06-28",

"Country Name","Country Code","Indicator Name","Indicator Code","2006","2007","2023",
"China","CHN","GDP (current US$)","NY.GDP.MKTP.CD","2750000000000","3550000000000","",
"Namibia","NAM","GDP (current US$)","NY.GDP.MKTP.CD","1","","",
"Korea, Rep.","KOR","GDP (current US$)","NY.GDP.MKTP.CD","1","1170000000000","",
"World","WLD","GDP (current US$)","NY.GDP.MKTP.CD","1","58300000000000","",
"""
BULK = """Country Name,Country Code,Indicator Name,Indicator Code,2006,2007
China,CHN,GDP (current US$),NY.GDP.MKTP.CD,2750000000000,3550000000000
China,CHN,"Population, total",SP.POP.TOTL,1311020000,1317885000
"Korea, Rep.",KOR,GDP (current US$),NY.GDP.MKTP.CD,1,1170000000000
World,WLD,GDP (current US$),NY.GDP.MKTP.CD,1,58300000000000
"""


@pytest.fixture
def file(tmp_path):
    def write(text: str):
        path = tmp_path / "gdp.csv"
        path.write_text(text, encoding="utf-8-sig")
        return path

    return write


@pytest.mark.parametrize("text", [TIDY, WIDE, BULK], ids=["tidy", "wide", "bulk"])
def test_layouts_give_the_same_series(file, text):
    series = read_worldbank(file(text), 2007, "NY.GDP.MKTP.CD" if text is BULK else None)
    assert series.to_dict() == {"CHN": 3.55e12, "KOR": 1.17e12, "WLD": 58.3e12}
    assert series.name == ("gdp" if text is TIDY else "NY.GDP.MKTP.CD")
    assert series.index.name == "country"


def test_databank_column_names(file):
    text = BULK.replace(",2006,2007", ",2006 [YR2006],2007 [YR2007]").replace("1170000000000", "..")
    series = read_worldbank(file(text), 2007, "NY.GDP.MKTP.CD")
    assert series.to_dict() == {"CHN": 3.55e12, "WLD": 58.3e12}


@pytest.mark.parametrize(
    ("text", "year", "indicator", "error", "message"),
    [
        (TIDY, 2010, None, SourceError, "gdp.csv has no year 2010: there are 2006 to 2007"),
        (WIDE, 2010, None, SourceError, "gdp.csv has no year 2010: there are 2006 to 2023"),
        (WIDE, 2023, None, SourceError, "has no value for 2023: ask for an earlier year"),
        (BULK, 2007, None, SourceError, "holds 2 indicators: name one, for example"),
        (BULK, 2007, "NY.GDP", SourceError, "no indicator 'NY.GDP': there are NY.GDP.MKTP.CD, SP"),
        (TIDY.replace("3.55e12", "n/a"), 2007, None, DataError, "CHN in 2007 is 'n/a', not a num"),
        (TIDY.replace("KOR", "CHN"), 2007, None, LabelError, "CHN occurs twice in 2007: keep one"),
        (TIDY.replace("Year", "When"), 2007, None, SourceError, "expected Country Code, Year, Val"),
        ("a,b\n1,2\n", 2007, None, SourceError, "has no column 'Country Code' in its first ten"),
    ],
)
def test_bad_files(file, text, year, indicator, error, message):
    with pytest.raises(error, match=message):
        read_worldbank(file(text), year, indicator)


def test_missing_file(tmp_path):
    with pytest.raises(SourceError, match=r"gdp.csv: no such file; check the path"):
        read_worldbank(tmp_path / "gdp.csv", 2007)


def test_not_utf8(tmp_path):
    (tmp_path / "gdp.csv").write_bytes("Côte d'Ivoire,Country Code".encode("latin-1"))
    with pytest.raises(SourceError, match="is not UTF-8 text: save it as CSV UTF-8"):
        read_worldbank(tmp_path / "gdp.csv", 2007)


SERIES = pd.Series({"CHN": 3.0, "DEU": 2.0, "FRA": 1.5, "EUU": 17.0, "WLD": 58.0, "XKX": np.nan})


def test_sums_and_the_rest_of_the_world():
    sums = by_region(SERIES, {"CHN": ["CHN"], "EUR": ["DEU", "FRA"], "ROW": ["*"]})
    assert sums.to_dict() == {"CHN": 3.0, "EUR": 3.5, "ROW": 51.5}
    assert sums.index.name == "region"
    assert sums.attrs == {"missing": {}, "rest_includes": []}


def test_regions_together_are_the_world():
    members = {"CHN": ["CHN"], "EUR": ["DEU"], "ROW": ["*", "FRA"]}
    assert by_region(SERIES, members).sum() == SERIES["WLD"]
    assert by_region(SERIES, members)["ROW"] == 53.0  # France is in the rest, not taken out of it


def test_missing_country_is_named():
    members = {"TWN": ["TWN"], "EUR": ["DEU", "XKX"], "ROW": ["*"]}
    with pytest.raises(DataError, match=r"no value for TWN, XKX: add it \(series\['TWN'\] = …\)"):
        by_region(SERIES, members)
    sums = by_region(SERIES, members, missing="nan")
    assert sums.isna().to_dict() == {"TWN": True, "EUR": True, "ROW": False}
    assert sums.attrs["missing"] == {"TWN": ["TWN"], "EUR": ["XKX"]}
    assert sums.attrs["rest_includes"] == ["TWN", "XKX"]
    stated = pd.concat([SERIES.dropna(), pd.Series({"TWN": 0.4, "XKX": 0.1})])
    assert by_region(stated, members)["ROW"] == pytest.approx(58 - 2 - 0.4 - 0.1)


def test_no_world_total():
    with pytest.raises(DataError, match="no value for WLD"):
        by_region(SERIES.drop("WLD"), {"CHN": ["CHN"], "ROW": ["*"]})
    sums = by_region(SERIES.drop("WLD"), {"CHN": ["CHN"], "ROW": ["*"]}, missing="nan")
    assert sums.attrs["missing"] == {"ROW": ["WLD"]}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"EUR": ["EUU"]}, "region 'EUR': EUU is a World Bank aggregate, not a country"),
        ({"A": ["CHN"], "B": ["CHN"]}, "'CHN' is in the regions 'A' and 'B': keep one"),
        ({"A": ["*"], "B": ["*"]}, r"'\*' is in the regions 'A' and 'B': keep one"),
    ],
)
def test_bad_members(members, message):
    with pytest.raises(LabelError, match=message):
        by_region(SERIES, members)


def test_unknown_way_with_missing_values():
    with pytest.raises(DataError, match="missing='drop' is not known: use 'raise' or 'nan'"):
        by_region(SERIES, {"CHN": ["CHN"]}, missing="drop")


def test_real_files(shared):
    """China's and the world's figures of 2007; Taiwan is in the world total only."""
    gdp = read_worldbank(shared / "world" / "gdp.csv", 2007)
    people = read_worldbank(shared / "world" / "population.csv", 2007)
    assert gdp["CHN"] / 1e12 == pytest.approx(3.55, abs=0.01)
    assert people["CHN"] / 1e9 == pytest.approx(1.318, abs=0.001)
    for series in (gdp, people):
        assert "TWN" not in series
        codes = [str(c) for c in series.index]
        listed = [c for c in codes if c not in AGGREGATES]
        assert 150 < len(listed) < 220
        assert 0 < series["WLD"] - series[listed].sum() < 0.01 * series["WLD"]
    # What the world has more than its listed countries is Taiwan's population, 22.9 million.
    listed = [c for c in people.index if c not in AGGREGATES]
    assert (people["WLD"] - people[listed].sum()) / 1e6 == pytest.approx(23.0, abs=0.3)
