"""Units and numbers as they are printed."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def shown(unit: str) -> str:
    """Return a unit with proper subscripts and superscripts.

    Parameters
    ----------
    unit : str
        Unit as the package writes it.

    Returns
    -------
    str

    Examples
    --------
    >>> shown("Mt CO2"), shown("kg CO2/USD"), shown("kgCO2eq"), shown("10^4 CNY"), shown("km^2")
    ('Mt CO₂', 'kg CO₂/USD', 'kgCO₂eq', '10⁴ CNY', 'km²')
    """
    text = re.sub(
        r"(?<![A-Za-z])((?:[kMG]?t|[kMGTP]?g)?)(CO|CH|N|SO|NO|SF|H)(\d)(?![\d.])",
        lambda m: m[1] + m[2] + m[3].translate(_SUBSCRIPTS),
        unit,
    )
    text = re.sub(r"N₂O|N2O", "N₂O", text)
    return re.sub(r"\^(-?\d+)", lambda m: m[1].translate(_SUPERSCRIPTS), text)


def decimals(values: Iterable[float]) -> int:
    """Return how many decimals show the middle of these numbers with two digits.

    Examples
    --------
    >>> decimals([1388, 62, 25]), decimals([4.2, 5.1]), decimals([0.67, 0.62])
    (0, 1, 2)
    """
    sizes = np.abs(np.asarray(list(values), dtype=float))
    sizes = sizes[sizes > 0]
    if sizes.size == 0:
        return 0
    return int(np.clip(1 - np.floor(np.log10(np.median(sizes))), 0, 8))


def number(value: float, places: int, *, sign: bool = False) -> str:
    """Return a number with thousands separated and a true minus sign.

    Examples
    --------
    >>> number(-1388.2, 0), number(0.04, 1), number(12, 1, sign=True)
    ('−1,388', '0.0', '+12.0')
    """
    rounded = round(float(value), places) + 0.0
    text = f"{abs(rounded):,.{places}f}"
    if rounded < 0:
        return f"−{text}"
    return f"+{text}" if sign and rounded > 0 else text


def counted(n: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> counted(1, "region"), counted(2, "region"), counted(2, "country", "countries")
    ('1 region', '2 regions', '2 countries')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """Return a share (0–1) in percent, never rounded up to all or down to nothing.

    Examples
    --------
    >>> percent(0.714), percent(0.9999), percent(1.0), percent(0.0002)
    ('71.4 %', '> 99.9 %', '100 %', '< 0.1 %')
    """
    if share >= 1:
        return "100 %" if share == 1 else f"{100 * share:.1f} %"
    if share > 0.999:
        return "> 99.9 %"
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.1f} %"


def names(labels: Iterable[Any], given: Mapping[Any, str] | None = None) -> list[str]:
    """Return the display names of labels.

    Examples
    --------
    >>> names(["CHN", "ROW"], {"ROW": "Rest of world"})
    ['CHN', 'Rest of world']
    """
    return [str((given or {}).get(label, label)) for label in labels]
