"""How far two inventories of the same are apart, and what to do about it on request."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from carbonflows.errors import BalanceError, DataError, LabelError, UnitError, some
from carbonflows.inventory.process import PROCESS
from carbonflows.inventory.roles import require_choice
from carbonflows.inventory.tidy import require_tidy

ALL = "all fuels"


def inventory_gap(
    sectoral: pd.DataFrame, reference: pd.DataFrame, *, threshold: float = 0.05
) -> pd.DataFrame:
    """Compare the sectoral and the reference approach by province and fuel.

    Parameters
    ----------
    sectoral, reference : DataFrame
        Tidy inventories. Processes are no fuels: they are left out and named in ``attrs``.
    threshold : float
        Share from which a gap is flagged.

    Returns
    -------
    DataFrame
        By ``(province, fuel)``, with ``"all fuels"`` last in each province: ``sectoral``,
        ``reference`` and ``gap`` = reference − sectoral [Mt CO2], ``ratio`` = gap / sectoral,
        ``flagged``, ``says``.

    Raises
    ------
    LabelError
        Provinces that only one of them has.
    UnitError
        Different units.

    Notes
    -----
    The reference approach has what transformation and transport lose, and the statistical
    difference. Of secondary fuels it has trade and stocks only, so that gaps by fuel are large by
    construction and the row of all fuels is the one to judge by.

    Examples
    --------
    >>> one = pd.DataFrame({"province": ["P"], "sector": ["s"], "fuel": ["Coal"], "value": [10.0]})
    >>> one.attrs["unit"] = "Mt CO2"
    >>> gap = inventory_gap(one, one.assign(value=11.0))
    >>> print(gap["says"].iloc[-1])
    P, all fuels: 11 Mt CO2 in reference, 10.0 % above the 10 in sectoral; find out why before use
    """
    require_tidy(sectoral)
    require_tidy(reference, ("province", "fuel", "value"))
    unit = _one_unit(sectoral, reference)
    process = float(sectoral.loc[sectoral["fuel"] == PROCESS, "value"].sum())
    one = sectoral[sectoral["fuel"] != PROCESS]
    _same_labels(one["province"], reference["province"], "province", "sectoral", "reference")
    sums = [frame.groupby(["province", "fuel"], sort=False)["value"].sum()
            for frame in (one, reference)]  # fmt: skip
    provinces = list(dict.fromkeys(one["province"]))
    fuels = list(dict.fromkeys([*one["fuel"], *reference["fuel"]]))
    index = pd.MultiIndex.from_product([provinces, [*fuels, ALL]], names=["province", "fuel"])
    both = pd.concat(sums, axis=1, keys=["sectoral", "reference"]).fillna(0.0)
    whole = both.groupby(level="province", sort=False).sum()
    whole.index = pd.MultiIndex.from_product([whole.index, [ALL]], names=index.names)
    both = pd.concat([both, whole]).reindex(index, fill_value=0.0)
    result = _compared(both, "sectoral", "reference", threshold, unit)
    result.attrs = {"unit": unit, "threshold": threshold, "process left out": process}
    return result


def national_gap(
    provinces: pd.DataFrame,
    nation: pd.DataFrame,
    *,
    by: Literal["fuel", "sector"] = "fuel",
    threshold: float = 0.05,
) -> pd.DataFrame:
    """Compare the sum of provinces with the nation's own inventory.

    Parameters
    ----------
    provinces, nation : DataFrame
        Tidy inventories; the nation's has one province or none.
    by : {"fuel", "sector"}
    threshold : float
        Share from which a gap is flagged.

    Returns
    -------
    DataFrame
        By fuel (or sector) and in all: ``provinces``, ``nation`` and ``gap`` = provinces − nation
        [Mt CO2], ``ratio`` = gap / nation, ``flagged``, ``says``. ``attrs["largest"]`` has the
        provinces with the largest part of each sum. Nothing is scaled: see `scaled_inventory`.

    Raises
    ------
    LabelError
        A nation with several provinces, or an unknown option.
    UnitError
        Different units.

    Examples
    --------
    >>> lines = {"province": ["A", "B"], "sector": ["s", "s"], "fuel": ["Coal"] * 2}
    >>> provinces = pd.DataFrame({**lines, "value": [700.0, 480.0]})
    >>> nation = pd.DataFrame({"province": ["N"], "sector": ["s"], "fuel": ["Coal"], "value": 1e3})
    >>> provinces.attrs["unit"] = nation.attrs["unit"] = "Mt CO2"
    >>> round(float(national_gap(provinces, nation).loc["Coal", "ratio"]), 3)
    0.18
    """
    require_choice("by", by, ("fuel", "sector"))
    require_tidy(provinces)
    require_tidy(nation, (by, "value"))
    unit = _one_unit(provinces, nation)
    _one_nation(nation)
    both = pd.DataFrame(
        {
            "provinces": provinces.groupby(by, sort=False)["value"].sum(),
            "nation": nation.groupby(by, sort=False)["value"].sum(),
        }
    ).fillna(0.0)
    both = both.loc[list(dict.fromkeys([*provinces[by], *nation[by]]))]
    both.loc["all"] = both.sum()
    result = _compared(both, "nation", "provinces", threshold, unit)
    result.index.name = by
    largest = provinces.groupby([by, "province"])["value"].sum()
    result.attrs = {
        "unit": unit,
        "threshold": threshold,
        "largest": {
            str(key): [str(p) for p in part.droplevel(0).nlargest(3).index]
            for key, part in largest.groupby(level=0)
        },
    }
    return result


def scaled_inventory(
    inventory: pd.DataFrame,
    scale: Literal["none", "to_nation", "to_total"] = "none",
    *,
    nation: pd.DataFrame | None = None,
    total: float | None = None,
) -> pd.DataFrame:
    """Scale the provinces to the nation, or to a total, on request.

    Parameters
    ----------
    inventory : DataFrame
        Tidy inventory of provinces.
    scale : {"none", "to_nation", "to_total"}
        Leave it; scale each fuel to the nation's; or scale everything to `total`.
    nation : DataFrame, optional
        Tidy inventory of the nation, for ``"to_nation"``.
    total : float, optional
        In the inventory's unit, for ``"to_total"``.

    Returns
    -------
    DataFrame
        ``attrs["scaled"]`` has the option and the factors.

    Raises
    ------
    LabelError
        An option without what it needs.
    BalanceError
        A fuel that the nation has and no province, so that no factor gets there.
    DataError
        A total that is not above zero.

    Examples
    --------
    >>> one = pd.DataFrame({"province": ["P"], "sector": ["s"], "fuel": ["Coal"], "value": [10.0]})
    >>> one.attrs["unit"] = "Mt CO2"
    >>> found = scaled_inventory(one, "to_total", total=12.0)
    >>> found["value"].tolist(), found.attrs["scaled"]["factors"]
    ([12.0], {'all': 1.2})
    """
    require_choice("scale", scale, ("none", "to_nation", "to_total"))
    needed: Mapping[str, Any] = {"to_nation": nation, "to_total": total}
    for option, name in (("to_nation", "nation"), ("to_total", "total")):
        if (scale == option) != (needed[option] is not None):
            state = "is missing" if scale == option else "is given"
            raise LabelError(f"{name} {state} with scale={scale!r}; it goes with scale='{option}'")
    require_tidy(inventory)
    result = inventory.copy()
    factors: dict[str, float] = {}
    if nation is not None:
        require_tidy(nation, ("fuel", "value"))
        _one_unit(inventory, nation)
        _one_nation(nation)
        own = inventory.groupby("fuel", sort=False)["value"].sum()
        theirs = nation.groupby("fuel", sort=False)["value"].sum()
        lost = [f for f in theirs.index if theirs[f] != 0 and own.get(f, 0.0) == 0]
        if lost:
            raise BalanceError(
                f"{some(lost)}: the nation has it and no province; add it to a province, or scale "
                "to a total",
                labels=lost,
            )
        factors = {str(f): float(theirs.get(f, 0.0) / own[f]) if own[f] else 1.0 for f in own.index}
        result["value"] = result["value"] * result["fuel"].map(factors)
    elif total is not None:
        own_total = float(inventory["value"].sum())
        if not (np.isfinite(total) and total > 0 and own_total > 0):
            raise DataError(f"total {total!r} for a sum of {own_total:g}; both must be above zero")
        factors = {"all": total / own_total}
        result["value"] = result["value"] * factors["all"]
    result.attrs = {**inventory.attrs, "scaled": {"scale": scale, "factors": factors}}
    return result


def _compared(
    both: pd.DataFrame, base: str, other: str, threshold: float, unit: str
) -> pd.DataFrame:
    """Add gap, ratio, flag and a sentence."""
    if not 0 <= threshold < np.inf:
        raise DataError(f"threshold {threshold!r} is no share from 0; give for example 0.05")
    both = both.assign(gap=both[other] - both[base])
    size = both[base].abs().where(both[base] != 0)
    both["ratio"] = (both["gap"] / size).where(both["gap"] != 0, 0.0)
    both["flagged"] = both["ratio"].abs().gt(threshold) | both["ratio"].isna()
    says = []
    for key, row in both.iterrows():
        label = ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)
        start = f"{label}: {row[other]:.6g} {unit} in {other}, "
        if not row["flagged"]:
            says.append("")
        elif np.isnan(row["ratio"]):
            says.append(start + f"none in {base}; find out why before use")
        else:
            side = "above" if row["ratio"] > 0 else "below"
            says.append(
                start + f"{abs(row['ratio']):.1%} ".replace("%", " %") + f"{side} the "
                f"{row[base]:.6g} in {base}; find out why before use"
            )
    return both.assign(says=says)


def _one_unit(one: pd.DataFrame, other: pd.DataFrame) -> str:
    units = [frame.attrs.get("unit") for frame in (one, other)]
    if units[0] is None or units[0] != units[1]:
        raise UnitError(
            f"inventories are in {units[0]} and {units[1]}; state one unit in both attrs"
        )
    return str(units[0])


def _one_nation(nation: pd.DataFrame) -> None:
    if "province" in nation and len(nation["province"].unique()) > 1:
        names = list(nation["province"].unique())
        raise LabelError(f"the nation has the provinces {some(names)}; give its own inventory")


def _same_labels(one: pd.Series, other: pd.Series, what: str, first: str, second: str) -> None:
    for having, lacking, name in ((one, other, second), (other, one, first)):
        missing = sorted(set(having) - set(lacking))
        if missing:
            raise LabelError(
                f"{name} lacks the {what} {some(missing)}; add it, or leave it out of both",
                labels=missing,
            )
