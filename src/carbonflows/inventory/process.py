"""Emissions that no fuel gives: cement and the like."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.errors import DataError, LabelError, UnitError, quoted, some
from carbonflows.inventory.quantities import plain_unit
from carbonflows.inventory.tidy import TIDY, require_tidy

CLINKER_IPCC2006 = 0.52
"""t CO2 per t clinker: 0.51 from lime, with 2 % for kiln dust (IPCC 2006, Vol. 3, Chapter 2)."""
PROCESS = "Process"


def process_emissions(
    output: Mapping[str, float] | pd.Series,
    factor: float | str,
    *,
    unit: str,
    product: str,
    source: str = "",
    sector: str = "Nonmetal Mineral Products",
) -> pd.DataFrame:
    """CO2 of an industrial process from the output of its product.

    Parameters
    ----------
    output : mapping of str to float
        Province → output in a year, in `unit`.
    factor : float or "ipcc2006"
        t CO2 per t of product. ``"ipcc2006"`` is the guidelines' 0.52 for clinker; for cement,
        multiply it with the clinker that is in it.
    unit : str
        Unit of `output`, a mass such as ``"10^4 t"``.
    product : str
        What is put out: ``"clinker"``, ``"cement"``, ``"lime"``.
    source : str
        Where a factor of your own is from; it goes into the result.
    sector : str
        Sector that emits it.

    Returns
    -------
    DataFrame
        ``province``, ``sector``, ``fuel`` (``"Process"``), ``value`` [Mt CO2].

    Raises
    ------
    LabelError
        A named factor that does not exist or is of another product.
    UnitError
        A unit that is no mass.
    DataError
        Output or a factor below zero or not a number.

    Examples
    --------
    >>> found = process_emissions({"Hebei": 100}, "ipcc2006", unit="10^4 t", product="clinker")
    >>> float(found["value"].sum())
    0.52
    """
    if isinstance(factor, str):
        if factor != "ipcc2006":
            raise LabelError(f"factor {factor!r} is unknown; give 'ipcc2006' or a number")
        if product.strip().casefold() != "clinker":
            raise LabelError(
                f"factor 'ipcc2006' is of clinker, not of {product}; give the output of clinker, "
                "or a factor of your own"
            )
        rate, source = CLINKER_IPCC2006, "IPCC 2006 Vol. 3 Chapter 2, clinker with kiln dust"
    else:
        if isinstance(factor, bool) or not np.isfinite(factor) or factor < 0:
            raise DataError(f"factor {factor!r} of {product}: give t CO2 per t, not below zero")
        rate = float(factor)
    if not units.convertible(plain_unit(unit), "Mt") or units.substance(plain_unit(unit)):
        raise UnitError(f"{product}: unit {quoted(unit)} is no mass; write for example '10^4 t'")
    amounts = pd.to_numeric(pd.Series(output), errors="coerce").astype(float)
    bad = amounts.index[~(np.isfinite(amounts) & (amounts >= 0))]
    if len(bad):
        raise DataError(f"output of {product} in {some(bad)} is no number from 0; correct it")
    if amounts.index.has_duplicates:
        twice = amounts.index[amounts.index.duplicated()]
        raise LabelError(f"output of {product}: {some(twice)} is there twice; keep one")
    result = pd.DataFrame(
        {
            "province": amounts.index.astype(str),
            "sector": sector,
            "fuel": PROCESS,
            "value": amounts.to_numpy() * units.factor(plain_unit(unit), "Mt") * rate,
        }
    )
    result.attrs = {
        "unit": "Mt CO2",
        "approach": "process",
        "product": product,
        "factor": rate,
        "source": [source or "given by the user"],
    }
    return result


def combined(*inventories: pd.DataFrame) -> pd.DataFrame:
    """One inventory of several, for example of fuels and of cement.

    Parameters
    ----------
    *inventories : DataFrame
        Tidy, in one unit.

    Returns
    -------
    DataFrame
        All lines; ``attrs["parts"]`` has those of each.

    Raises
    ------
    UnitError
        Different units.
    LabelError
        A line that two of them have.

    Examples
    --------
    >>> cement = process_emissions({"Hebei": 1}, 0.3, unit="Mt", product="cement")
    >>> lime = process_emissions({"Hebei": 1}, 0.75, unit="Mt", product="lime", sector="Lime")
    >>> combined(cement, lime)["value"].tolist()
    [0.3, 0.75]
    """
    for part in inventories:
        require_tidy(part)
    found = {str(part.attrs.get("unit")) for part in inventories}
    if len(found) != 1 or found == {"None"}:
        raise UnitError(
            f"inventories are in {some(sorted(found))}; state one unit in attrs['unit']"
        )
    joined = pd.concat([part[list(TIDY)] for part in inventories], ignore_index=True)
    twice = joined[joined.duplicated(list(TIDY[:3]))]
    if len(twice):
        keys = list(twice[list(TIDY[:3])].itertuples(index=False, name=None))
        raise LabelError(f"{some(keys)}: in two of the inventories; keep one", labels=keys)
    joined.attrs = {"unit": found.pop(), "parts": [dict(part.attrs) for part in inventories]}
    return joined
