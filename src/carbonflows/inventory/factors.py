"""How much CO2 a unit of each fuel gives: calorific value, carbon content, oxidation."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.errors import (
    DataError,
    LabelError,
    SourceError,
    UnitError,
    quoted,
    some,
    suggested,
)
from carbonflows.inventory.quantities import kind_of, plain_unit, terajoules
from carbonflows.labels import repeated

CO2_PER_CARBON = 44 / 12
"""t CO2 per t C, as the IPCC guidelines round it."""
CARBON_RANGE = (9.0, 90.0)
"""kg C/GJ that a fuel may have; the guidelines' own limits are 10.3 (coke oven gas) to 84."""
NCV_RANGE: Mapping[str, tuple[float, float, str]] = {
    "mass": (1.0, 60.0, "GJ/t"), "volume": (1.0, 130.0, "MJ/m^3")
}  # fmt: skip
"""Calorific values that a fuel may have: blast furnace gas to ethane, and to propane by volume."""
FAMILIES = ("coal", "oil", "gas", "other")
SHIPPED = ("ipcc2006",)
_NEEDED = ("fuel", "ncv", "ncv_unit", "carbon", "carbon_unit", "oxidation", "source")
_KINDS = ("primary", "secondary")


def emission_factors(
    source: str | Path | pd.DataFrame = "ipcc2006", *, fuels: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Emission factors by fuel.

    Parameters
    ----------
    source : str, Path or DataFrame
        ``"ipcc2006"``, or the user's own: a CSV file or frame with the columns ``fuel``, ``ncv``,
        ``ncv_unit``, ``carbon``, ``carbon_unit``, ``oxidation`` and ``source``; optional are
        ``family`` (coal, oil, gas, other) and ``kind`` (primary, secondary). Lines that start
        with ``#`` are comments.
    fuels : mapping of str to str, optional
        Fuel of the balance → fuel of the source, for balances with names of their own. The result
        has these fuels only.

    Returns
    -------
    DataFrame (f, 9)
        By fuel: ``ncv`` in its ``ncv_unit`` (energy by mass or volume), ``carbon`` in
        ``carbon_unit`` (kg C/GJ), ``oxidation`` [share], ``family``, ``kind``,
        ``source`` and ``source fuel``.

    Raises
    ------
    SourceError
        No such file or shipped name, or columns that lack.
    LabelError
        A fuel twice, or one that the source does not have.
    DataError, UnitError
        A number or a unit that cannot be used.

    References
    ----------
    IPCC 2006, Guidelines for National Greenhouse Gas Inventories, Vol. 2, Tables 1.2-1.4.

    Examples
    --------
    >>> factors = emission_factors("ipcc2006", fuels={"Raw Coal": "Other bituminous coal"})
    >>> float(factors["ncv"]["Raw Coal"]), factors["ncv_unit"]["Raw Coal"]
    (25.8, 'TJ/Gg')
    """
    frame, where = _table(source)
    missing = [c for c in _NEEDED if c not in frame]
    if missing:
        raise SourceError(
            f"{where} lacks the column {some(missing)}; needed are {some(_NEEDED, 9)}"
        )
    for column, allowed in (("family", FAMILIES), ("kind", _KINDS)):
        if column not in frame:
            frame[column] = ""
        odd = set(frame[column]) - {*allowed, ""}
        if odd:
            raise LabelError(
                f"{where}: {column} {some(sorted(odd))} is unknown; use {some(allowed)}"
            )
    for column in _NEEDED:
        empty = frame.loc[frame[column].astype(str).str.strip() == "", "fuel"]
        if len(empty):
            raise DataError(f"{where}: {column} of {some(empty)} is empty; state it for every fuel")
    if twice := repeated(frame["fuel"]):
        raise LabelError(f"{where} has the fuel {some(twice)} twice; keep one", labels=twice)
    found = frame.set_index("fuel")
    for column in ("ncv", "carbon", "oxidation"):
        found[column] = _positive(found[column], column, where)
    over = found.index[found["oxidation"] > 1]
    if len(over):
        raise DataError(
            f"{where}: oxidation of {some(over)} is above 1; give a share, not per cent"
        )
    carbon_units = found["carbon_unit"].astype(str)
    for fuel, unit, ncv_unit in zip(found.index, carbon_units, found["ncv_unit"], strict=True):
        if not units.convertible(plain_unit(unit), "kg C/GJ") or units.substance(unit) != "C":
            raise UnitError(f"{where}: carbon of {fuel} is in {quoted(unit)}; give 'kg C/GJ'")
        terajoules(fuel, _quantity(str(ncv_unit), fuel), 1.0, str(ncv_unit))
    scale = [units.factor(plain_unit(u), "kg C/GJ") for u in carbon_units]
    found["carbon"] = found["carbon"] * np.array(scale)
    found["carbon_unit"], found["source fuel"] = "kg C/GJ", found.index
    _plausible(found, where)
    if fuels is not None:
        absent = [name for name in fuels.values() if name not in found.index]
        if absent:
            way_out = suggested(absent, found.index, f"it has {some(found.index, 40)}")
            raise LabelError(f"{where} has no fuel {some(absent)}: {way_out}", labels=absent)
        found = found.loc[list(fuels.values())].set_axis(pd.Index(list(fuels), name="fuel"))
    return found[[*_NEEDED[1:6], "family", "kind", "source", "source fuel"]]


def carbon_per_unit(fuels: Mapping[str, str], factors: pd.DataFrame) -> pd.Series:
    """Carbon in one unit of each fuel.

    Parameters
    ----------
    fuels : mapping of str to str
        Fuel → unit of its quantities.
    factors : DataFrame
        As from `emission_factors`.

    Returns
    -------
    Series (f,)
        kt C per unit.

    Raises
    ------
    LabelError
        A fuel without a factor.
    UnitError
        Quantities that do not go with the calorific value.

    Examples
    --------
    >>> carbon = carbon_per_unit({"Lignite": "Mt"}, emission_factors("ipcc2006"))
    >>> float(round(carbon["Lignite"], 3))
    328.44
    """
    require_factors(list(fuels), factors)
    used = factors.loc[list(fuels)]
    energy = [
        terajoules(fuel, unit, float(ncv), str(ncv_unit))
        for (fuel, unit), ncv, ncv_unit in zip(
            fuels.items(), used["ncv"], used["ncv_unit"], strict=True
        )
    ]
    return pd.Series(used["carbon"].to_numpy(dtype=float) * np.array(energy) / 1e3, used.index)


def require_factors(fuels: Sequence[str], factors: pd.DataFrame) -> None:
    """Refuse fuels without a factor, by name."""
    absent = [fuel for fuel in fuels if fuel not in factors.index]
    if absent:
        usual = "add it to the factors, map it with emission_factors(fuels=…), or leave it out"
        raise LabelError(
            f"{some(absent)}: no emission factor; {suggested(absent, factors.index, usual)}",
            labels=absent,
        )


def _table(source: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the lines as text or numbers, and what to call their source."""
    if isinstance(source, pd.DataFrame):
        frame = source.reset_index() if source.index.name == "fuel" else source.copy()
        return frame.fillna(""), "factors"
    if str(source) in SHIPPED:
        text = (files("carbonflows") / "data" / "factors" / f"{source}.csv").read_text("utf-8")
        return pd.read_csv(StringIO(text), keep_default_na=False, comment="#"), str(source)
    path = Path(source)
    if path.suffix != ".csv":
        raise SourceError(
            f"no emission factors {str(source)!r}: shipped are {some(SHIPPED)}; a file of your own "
            "must end in .csv"
        )
    if not path.is_file():
        raise SourceError(f"{path} does not exist: check the path", path=str(path))
    try:
        frame = pd.read_csv(path, keep_default_na=False, comment="#", encoding="utf-8-sig")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise SourceError(f"{path} is no CSV in UTF-8: save it again", path=str(path)) from error
    for column in frame.select_dtypes("object").columns:
        frame[column] = frame[column].str.strip()
    return frame.rename(columns=lambda c: str(c).strip().lower()), str(path)


def _plausible(found: pd.DataFrame, where: str) -> None:
    """Refuse numbers that no fuel has: they are in another unit than stated."""
    for fuel, ncv, unit, carbon in zip(
        found.index, found["ncv"], found["ncv_unit"], found["carbon"], strict=True
    ):
        low, high = CARBON_RANGE
        if not low <= carbon <= high:
            raise DataError(
                f"{where}: carbon of {fuel} is {carbon:.6g} kg C/GJ, fuels have {low:g} to "
                f"{high:g}; give carbon, not CO2, by energy"
            )
        kind = kind_of(_quantity(str(unit), fuel), fuel)
        if kind == "energy":
            raise UnitError(f"{where}: {quoted(unit)} of {fuel} is by energy; give 'TJ/Gg'")
        low, high, shown = NCV_RANGE[kind]
        value = float(ncv) * units.factor(plain_unit(str(unit)), shown)
        if not low <= value <= high:
            raise DataError(
                f"{where}: ncv of {fuel} is {value:.6g} {shown}, fuels have {low:g} to {high:g}; "
                "check its unit"
            )


def _positive(values: pd.Series, what: str, where: str) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    bad = ~(np.isfinite(numbers.to_numpy(dtype=float)) & (numbers.to_numpy(dtype=float) > 0))
    if bad.any():
        fuel = values.index[bad][0]
        raise DataError(
            f"{where}: {what} of {fuel} is {quoted(values[fuel])}; give a number above zero"
        )
    return numbers.astype(float)


def _quantity(ncv_unit: str, fuel: str) -> str:
    """Return what a calorific value is counted by: the unit below the stroke."""
    energy, stroke, below = ncv_unit.rpartition("/")
    if not stroke or not units.convertible(plain_unit(energy), "TJ"):
        raise UnitError(
            f"{fuel}: {quoted(ncv_unit)} is no calorific value; give for example 'TJ/Gg' or "
            "'PJ/10^8 m^3'"
        )
    return below
