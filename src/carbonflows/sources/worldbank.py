"""World Bank indicators (gross domestic product, population, …) by country and by region.

Three layouts are read: tidy CSV with the columns ``Country Code, Year, Value``; the wide CSV that
the World Bank offers per indicator, years as columns below four lines of metadata; and the bulk
file ``WDICSV.csv`` with many indicators, of which one is named by its code, for example
``NY.GDP.MKTP.CD`` (GDP, current USD) or ``SP.POP.TOTL`` (population).

**Taiwan** is not listed as a country, and not part of China's figures, but the Bank adds it to the
world total. A region that stands for the rest of the world is the world total less the countries of
the other regions, so without a figure for Taiwan it contains Taiwan. Add one to the series to get
both right: ``series["TWN"] = …``.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, SourceError, quoted, some

WORLD = "WLD"
AGGREGATES = frozenset(
    "AFE AFW ARB CEB CHI CSS EAP EAR EAS ECA ECS EMU EUU FCS HIC HPC IBD IBT IDA IDB IDX INX LAC "  # noqa: SIM905
    "LCN LDC LIC LMC LMY LTE MEA MIC MNA NAC OED OSS PRE PSS PST SAS SSA SSF SST SXZ TEA TEC TLA "
    "TMN TSA TSS UMC WLD".split()
)
"""Codes of the World Bank's groups of countries (``CHI``: Channel Islands, two territories)."""


def read_worldbank(path: str | Path, year: int, indicator: str | None = None) -> pd.Series:
    """Read one indicator of one year.

    Parameters
    ----------
    path : str or Path
        CSV file in one of the layouts above.
    year : int
    indicator : str, optional
        Code of the indicator; needed where the file has several.

    Returns
    -------
    Series
        Value by ISO3 code, in the indicator's unit; the Bank's aggregates (``WLD``, ``EUU``, …) are
        included, countries without a value are not. Its name is the indicator, or the file's name.

    Raises
    ------
    SourceError
        No such file, year or indicator, or another layout.
    DataError
        A value that is not a number.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "gdp.csv"
    ...     _ = path.write_text("Country Name,Country Code,Year,Value\\nWorld,WLD,2007,58.3\\n")
    ...     read_worldbank(path, 2007).to_dict()
    {'WLD': 58.3}
    """
    path = Path(path)
    header, lines = _header(path)
    years = {int(m[1]): c for c in header if (m := re.fullmatch(r"(\d{4})( \[YR\d{4}\])?", c))}
    tidy = {"Year", "Value"} <= set(header)
    if not tidy and not years:
        raise SourceError(
            f"{path}: found the columns {some(header)}; expected Country Code, Year, Value, or one "
            "column per year",
            path=path,
        )
    if not tidy and year not in years:
        raise _no_year(path, year, list(years))
    wanted = ["Country Code", "Year", "Value"] if tidy else ["Country Code", years[year]]
    if "Indicator Code" in header:
        wanted.append("Indicator Code")
    table = _texts(path, lines, wanted)
    if "Indicator Code" in header:
        table, indicator = _one_indicator(path, table, indicator)
    if tidy:
        there = pd.to_numeric(table["Year"], errors="coerce")
        if not (there == year).any():
            raise _no_year(path, year, [int(y) for y in there.dropna().unique()])
        table = table[there == year]
    texts = table["Value" if tidy else years[year]]
    texts = texts.mask(texts.isin(["", ".."]))
    values = pd.to_numeric(texts, errors="coerce")
    wrong = table["Country Code"][values.isna() & texts.notna()]
    if len(wrong):
        raise DataError(
            f"{path}: {wrong.iloc[0]} in {year} is {quoted(texts[wrong.index[0]])}, not a number",
            labels=list(wrong),
        )
    series = pd.Series(
        values.to_numpy(np.float64),
        pd.Index(table["Country Code"].tolist(), name="country", dtype="str"),
        name=indicator or path.stem,
    ).dropna()
    if series.empty:
        raise SourceError(f"{path} has no value for {year}: ask for an earlier year", path=path)
    twice = list(series.index[series.index.duplicated()].unique())
    if twice:
        raise LabelError(f"{path}: {some(twice)} occurs twice in {year}: keep one", labels=twice)
    return series


def by_region(
    series: pd.Series,
    members: Mapping[str, Sequence[str]],
    missing: Literal["raise", "nan"] = "raise",
) -> pd.Series:
    """Sum countries to the regions of a table.

    Parameters
    ----------
    series : Series
        Value by ISO3 code with the world total ``WLD``, as `read_worldbank` gives it.
    members : mapping of str to sequence of str
        ISO3 codes of each region (`IOTable.members`); ``"*"`` is the world total less the countries
        of all other regions.
    missing : {"raise", "nan"}
        What to do with a region one of whose countries has no value: refuse, or give NaN. A partial
        sum is never given.

    Returns
    -------
    Series
        Value by region. ``attrs["missing"]`` maps each region that is NaN to the codes without a
        value; ``attrs["rest_includes"]`` lists the countries of other regions that could not be
        taken out of the rest of the world.

    Raises
    ------
    DataError
        A country without a value, with ``missing="raise"``.
    LabelError
        A country in two regions, two regions with ``"*"``, or an aggregate among the members.

    Examples
    --------
    >>> gdp = pd.Series({"CHN": 3.0, "USA": 14.0, "WLD": 58.0, "EUU": 17.0})
    >>> by_region(gdp, {"CHN": ["CHN"], "ROW": ["*"]}).to_dict()
    {'CHN': 3.0, 'ROW': 55.0}
    >>> by_region(gdp, {"TWN": ["TWN"], "ROW": ["*"]}, missing="nan").attrs
    {'missing': {'TWN': ['TWN']}, 'rest_includes': ['TWN']}
    """
    if missing not in ("raise", "nan"):
        raise DataError(f"missing={missing!r} is not known: use 'raise' or 'nan'")
    owner: dict[str, str] = {}
    for region, codes in members.items():
        for code in codes:
            if code in AGGREGATES:
                raise LabelError(
                    f"region {region!r}: {code} is a World Bank aggregate, not a country: list its "
                    "countries",
                    labels=[code],
                )
            if code in owner:
                raise LabelError(
                    f"{code!r} is in the regions {owner[code]!r} and {region!r}: keep one",
                    labels=[code],
                )
            owner[code] = region
    values = {str(code): float(value) for code, value in series.items() if pd.notna(value)}
    sums: dict[str, float] = {}
    without: dict[str, list[str]] = {}
    rest_includes: list[str] = []
    for region, codes in members.items():
        if "*" in codes:
            others = [c for c, r in owner.items() if r != region]
            needed, taken_out = [WORLD], sum(values.get(c, 0.0) for c in others)
            rest_includes = [c for c in others if c not in values]
        else:
            needed, taken_out = list(codes), 0.0
        absent = [c for c in needed if c not in values]
        if absent:
            without[region] = absent
        sums[region] = np.nan if absent else sum(values[c] for c in needed) - taken_out
    if missing == "raise" and without:
        codes = [c for absent in without.values() for c in absent]
        raise DataError(
            f"{series.name or 'the series'} has no value for {some(codes)}: add it "
            f"(series[{codes[0]!r}] = …), or pass missing='nan'",
            labels=codes,
        )
    result = pd.Series(sums, name=series.name, dtype=np.float64).rename_axis("region")
    result.attrs = {"missing": without, "rest_includes": rest_includes}
    return result


def _header(path: Path) -> tuple[list[str], int]:
    """Return the header's cells and how many lines stand above it."""
    if not path.is_file():
        raise SourceError(f"{path}: no such file; check the path", path=path)
    try:
        with open(path, newline="", encoding="utf-8-sig") as text:
            for above, line in zip(range(10), text, strict=False):
                cells = next(csv.reader([line]), [])
                if "Country Code" in cells:
                    return cells, above
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 text: save it as CSV UTF-8", path=path) from error
    raise SourceError(
        f"{path} has no column 'Country Code' in its first ten lines: expected a World Bank CSV",
        path=path,
    )


def _texts(path: Path, lines: int, columns: list[str]) -> pd.DataFrame:
    """Read some columns as they are written; 'NA' stays text."""
    return pd.read_csv(
        path,
        skiprows=lines,
        usecols=columns,
        dtype=str,
        keep_default_na=False,
        encoding="utf-8-sig",
        skip_blank_lines=False,
    )


def _one_indicator(
    path: Path, table: pd.DataFrame, indicator: str | None
) -> tuple[pd.DataFrame, str]:
    codes = [code for code in table["Indicator Code"].unique() if code]
    if indicator is None:
        if len(codes) == 1:
            return table[table["Indicator Code"] == codes[0]], codes[0]
        raise SourceError(
            f"{path} holds {len(codes)} indicators: name one, for example "
            "indicator='NY.GDP.MKTP.CD'",
            path=path,
        )
    if indicator not in codes:
        raise SourceError(
            f"{path} has no indicator {indicator!r}: there are {some(codes)}", path=path
        )
    return table[table["Indicator Code"] == indicator], indicator


def _no_year(path: Path, year: int, years: list[int]) -> SourceError:
    return SourceError(
        f"{path} has no year {year}: there are {min(years)} to {max(years)}",
        path=path, year=year, years=years,
    )  # fmt: skip
