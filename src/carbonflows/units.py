"""Unit strings → one scalar factor.

Units are written the way the databases write them: ``"kt"``, ``"Gg CO2"``, ``"M USD"``,
``"10^4 CNY"``, ``"Million EUR"``. A substance named after a mass (``CO2``, ``CO2eq``, ``C``) is
part of the unit: tonnes of carbon do not silently become tonnes of CO2, and currencies convert only
at a rate that the caller states.
"""

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from carbonflows.errors import UnitError

if TYPE_CHECKING:
    from pint import Quantity, UnitRegistry

CURRENCIES = ("USD", "EUR", "CNY", "JPY", "GBP", "INR", "AUD", "CAD", "CHF", "KRW", "BRL", "RUB")
SUBSTANCES = ("CO2eq", "CO2e", "CO2-eq", "CO2", "CH4", "N2O", "C")

_SCALES = {
    "k": 1e3, "thousand": 1e3, "thousands": 1e3, "1000": 1e3,
    "m": 1e6, "mn": 1e6, "mill": 1e6, "million": 1e6, "millions": 1e6, "mio": 1e6,
    "b": 1e9, "bn": 1e9, "billion": 1e9, "billions": 1e9,
    "trn": 1e12, "trillion": 1e12, "trillions": 1e12,
}  # fmt: skip

_PLAIN = str.maketrans("⁻−²¹", "--21")
_AREA = (
    r"(?<![A-Za-z])[kdchm]?m\s*(\^|\*\*)?\s*2(?!\d)"
    r"|(?<![A-Za-z])([Hh]a|[Hh]ectares?|acres?)(?![A-Za-z])"
    r"|\b([Ss]q\.?|[Ss]quare)\s*(km|m|mi|[a-z]*met(er|re)s?|miles?)\b"
)
_PER_AREA = re.compile(
    rf"(/|\b[Pp]er\b).*({_AREA})"
    r"|m\s*(\^|\*\*)?\s*[({]?\s*-\s*2(?!\d)|\b[Hh]a\s*(\^|\*\*)?\s*[({]?\s*-\s*1(?!\d)"
)


@cache
def _registry() -> "UnitRegistry":
    from pint import UnitRegistry

    registry: UnitRegistry = UnitRegistry(on_redefinition="ignore")
    registry.define("kt = 1e9 gram")  # pint's own kt is the knot
    for currency in CURRENCIES:
        registry.define(f"{currency} = [currency_{currency}]")
    registry.define("ton = 1e6 gram")  # the databases' tons are metric, pint's own are short
    registry.define("person = [person] = cap = capita = people = persons = head")
    registry.define("tce = 29.3076e9 joule")
    return registry


def _parse(unit: str) -> tuple[float, str, str]:
    """Split a unit string into scale, pint expression and substance."""
    text = unit.replace("²", "2").replace("₂", "2").replace("⁴", "^4").replace("−", "-").strip()
    if not text:
        raise UnitError("empty unit: state one, for example 'kt' or 'M USD'", unit=unit)
    substance = ""
    for name in SUBSTANCES:
        pattern = rf"(?<=[\w)])[ _]+{re.escape(name)}(?![\w-])"
        if re.search(pattern, text):
            text = re.sub(pattern, "", text)
            substance = "CO2eq" if name in ("CO2e", "CO2-eq") else name
            break
    odd = re.search(r"[^\w\s/^*.%()+-]", text)
    if odd:
        raise UnitError(f"unit {unit!r} has {odd[0]!r} in it: write it without", unit=unit)
    above, *below = text.split("/")
    scale, expression = _side(above)
    for part in below:
        divisor, divided_by = _side(part)
        scale, expression = scale / divisor, f"{expression} / ({divided_by})"
    return scale, expression, substance


def _side(text: str) -> tuple[float, str]:
    """Take the scale words out of one side of a ratio."""
    scale = 1.0
    words = []
    for word in text.split():
        power = re.fullmatch(r"10\^(\d+)", word)
        glued = re.fullmatch(rf"([kMB]|Mn|Bn|bn)({'|'.join(CURRENCIES)})", word)
        if re.fullmatch(rf"m({'|'.join(CURRENCIES)})", word):
            raise UnitError(
                f"unit {word!r} may mean thousandths or millions: write 'M {word[1:]}'", unit=word
            )
        if power:
            scale *= 10.0 ** int(power.group(1))
        elif glued:
            scale *= _SCALES[glued.group(1).lower()]
            words.append(glued.group(2))
        elif word.rstrip(".").lower() in _SCALES and len(text.split()) > 1:
            scale *= _SCALES[word.rstrip(".").lower()]
        else:
            words.append(word)
    return scale, " ".join(words)


def factor(have: str, want: str, *, rates: Mapping[str, float] | None = None) -> float:
    """Number to multiply a value in unit `have` with to get it in unit `want`.

    Parameters
    ----------
    have, want : str
        Units, for example ``"Gg CO2"`` and ``"Mt"``. A substance must be the same on both sides or
        be named on one side only.
    rates : mapping of str to float, optional
        Exchange rates, ``{"CNY/USD": 7.61}`` meaning 7.61 CNY buy 1 USD. Currencies never convert
        without one.

    Returns
    -------
    float

    Raises
    ------
    UnitError
        An unknown unit, different dimensions, different substances, or a missing rate.

    Examples
    --------
    >>> factor("kt CO2", "Mt")
    0.001
    >>> factor("10^4 CNY", "M USD", rates={"CNY/USD": 8.0})
    0.00125
    >>> factor("kt C", "kt CO2")
    Traceback (most recent call last):
    ...
    carbonflows.errors.UnitError: 'kt C' does not convert to 'kt CO2': different substances
    """
    if have == want:
        return 1.0
    (scale_have, text_have, what_have) = _parse(have)
    (scale_want, text_want, what_want) = _parse(want)
    if what_have and what_want and what_have != what_want:
        raise UnitError(
            f"{have!r} does not convert to {want!r}: different substances", have=have, want=want
        )
    registry = _registry()
    try:
        quantity = 1.0 * registry.parse_units(text_have)
        target = registry.parse_units(text_want)
    except Exception as error:
        raise UnitError(
            f"unit {have!r} or {want!r} is not known: use for example 't', 'kt CO2', 'M USD'",
            have=have, want=want,
        ) from error  # fmt: skip
    for pair in rates or {}:
        _quote(pair, (rates or {})[pair])
    for _ in rates or {}:  # rates may lead over a third currency, in any order
        for pair, rate in (rates or {}).items():
            sold, bought = (f"[currency_{name}]" for name in pair.split("/"))
            for one, sign in ((sold, -1), (bought, 1)):
                power = quantity.dimensionality.get(one, 0)
                if power and not target.dimensionality.get(one, 0):
                    quantity = quantity * _quote(pair, rate) ** (sign * power)
                    break
    if quantity.dimensionality != target.dimensionality:
        money = {currency(have), currency(want)}
        hint = (
            "; give the exchange rate, for example rates={'CNY/USD': 7.61}"
            if len(money - {None}) == 2
            else ""
        )
        raise UnitError(
            f"{have!r} does not convert to {want!r}: different dimensions{hint}",
            have=have, want=want,
        )  # fmt: skip
    # pint works by repeated multiplication, so powers of ten come back as 0.9999…e-3: round them.
    number = float(quantity.to(target).magnitude) * scale_have / scale_want
    return float(f"{number:.15g}")


def _quote(pair: str, rate: float) -> "Quantity":
    names = pair.split("/")
    if len(names) != 2 or any(name not in CURRENCIES for name in names):
        raise UnitError(
            f"exchange rate {pair!r} is not of the form 'CNY/USD' with two of "
            f"{', '.join(CURRENCIES)}",
            pair=pair,
        )
    if not 0 < rate < math.inf:
        raise UnitError(f"exchange rate {pair} = {rate} is not a positive number", pair=pair)
    return _registry().Quantity(rate, pair)


def convertible(have: str, want: str) -> bool:
    """Whether `factor` would answer.

    Examples
    --------
    >>> convertible("kt CO2", "Mt"), convertible("TJ", "Mt")
    (True, False)
    """
    try:
        factor(have, want)
    except UnitError:
        return False
    return True


def known(unit: str) -> bool:
    """Whether a unit is understood at all.

    Examples
    --------
    >>> known("kt CO2"), known("TJ"), known("Mtt")
    (True, True, False)
    """
    try:
        _registry().parse_units(_parse(unit)[1])
    except Exception:
        return False
    return True


def per_area(unit: str) -> bool:
    """Whether a unit is one of densities or fluxes, however it is spelt; it need not be known.

    Examples
    --------
    >>> [per_area(unit) for unit in ("t CO2/km2", "kg m-2 s-1", "persons per square km", "t ha⁻¹")]
    [True, True, True, True]
    >>> [per_area(unit) for unit in ("t CO2", "kt/h", "km", "10^4 m2", "kg/m3", "")]
    [False, False, False, False, False, False]
    """
    return _PER_AREA.search(unit.translate(_PLAIN)) is not None


def substance(unit: str) -> str:
    """Return the substance that a unit names, or nothing.

    Examples
    --------
    >>> substance("kt CO2"), substance("kt C"), substance("kt")
    ('CO2', 'C', '')
    """
    return _parse(unit)[2]


def currency(unit: str) -> str | None:
    """Return the currency named in a money unit, or None.

    Examples
    --------
    >>> currency("M USD"), currency("10^4 CNY"), currency("MEUR"), currency("kt")
    ('USD', 'CNY', 'EUR', None)
    """
    found = [name for name in CURRENCIES if re.search(rf"(?<![A-Z]){name}\b|[kMBn]{name}\b", unit)]
    return found[0] if len(found) == 1 else None
