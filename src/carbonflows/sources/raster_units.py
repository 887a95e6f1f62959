"""Units of rasters: how files spell them, what they say the values are, amounts of a year."""

import calendar
import re
from typing import Literal, TypeAlias

from carbonflows.errors import GridError, UnitError, quoted
from carbonflows.units import convertible, currency, factor, known, per_area, substance

Kind: TypeAlias = Literal["amount", "density", "flux"]

_UNSAID = ("", "1", "-", "none", "unitless", "dimensionless", "unknown")
_GAS = r"CO2-?eq?|CO2|CH4|N2O|C"
_TIMES = "year|month|day|hour|s"
_SPELLINGS = (
    (r"\s+per\s+", "/"),
    (r"(?:\s*/\s*|\s+)(?:grid[ _-]?)?(?:cells?|pixels?)(?:\^?-1)?(?!\w)", ""),
    (r"\b(?:metric )?ton(?:ne)?s?\b", "t"),
    (r"\b(?:inhabitants?)\b", "person"),
    (r"\bcarbon\b", "C"),
    (r"(?<![\w^])(?:a|yr|y|years|annum)(?![A-Za-z])", "year"),
    (r"(?<![\w^])(?:mon|months)(?![A-Za-z])", "month"),
    (r"(?<![\w^])(?:d|days)(?![A-Za-z])", "day"),
    (r"(?<![\w^])(?:h|hr|hours)(?![A-Za-z])", "hour"),
    (r"(?<![\w^])(?:sec|seconds?)(?![A-Za-z])", "s"),
    (rf"\b(km|cm|m|ha|sr|person|{_TIMES})(?:\^|\*\*)?(-?\d)(?!\w)", r"\1^\2"),
)


def _spelled(unit: str) -> str:
    """Write a unit the way `carbonflows.units` reads it."""
    text = unit.strip().translate(str.maketrans("⁻−²³¹₂", "--2312"))
    text = re.sub(rf"\b([kMGTP]?g|[kMG]?t)({_GAS})(?![\w-])", r"\1 \2", text)
    text = re.sub(r"\bKg\b", "kg", text)
    for pattern, plain in _SPELLINGS:
        text = re.sub(pattern, plain, text, flags=re.IGNORECASE)
    return text.strip()


def agreed_unit(said: str, stated: str | None, gas: str, where: str, treated: list[str]) -> str:
    """Return the unit that file and caller agree on, spelt as `carbonflows.units` reads it.

    Parameters
    ----------
    said : str
        By the file; may be empty.
    stated : str or None
        By the caller.
    gas : str
        Substance that the file names apart from the unit.
    where : str
        What is read, for messages.
    treated : list of str
        Gets what was stated or found elsewhere, in words.

    Returns
    -------
    str

    Raises
    ------
    GridError
        Nobody says a unit.
    UnitError
        An unknown unit, or two that contradict each other.

    Examples
    --------
    >>> agreed_unit("kgCO2 m⁻² s⁻¹", None, "", "a.nc", [])
    'kg CO2 m^-2 s^-1'
    """
    unsaid = said.strip().lower() in _UNSAID
    text = _spelled(said if stated is None else stated)
    if stated is None:
        if not said.strip():
            raise GridError(
                f"{where} does not say its unit: state it, for example unit='t CO2', of the "
                "values as they are in the file"
            )
        if not known(text):
            raise UnitError(
                f"{where}: unit {quoted(said)} is not known; state it, for example unit='t CO2'"
            )
    elif not text or not known(text):
        raise UnitError(f"unit={stated!r} is not known: use for example 't CO2', 'kg m-2 s-1'")
    elif not unsaid and known(_spelled(said)):
        have = _spelled(said)
        ratio = factor(have, text) if convertible(have, text) else None
        if ratio is None or abs(ratio - 1) > 1e-9:
            differs = f": {ratio:g} times as much" if ratio else ""
            raise UnitError(
                f"{where} says {quoted(said)}, not {stated!r}{differs}; leave unit= out, or, if "
                "the file is wrong, read it so and set attrs['units']"
            )
        if substance(have) and not substance(text):
            text = have
        elif substance(text) and not substance(have):
            treated.append(f"substance stated: {substance(text)}")
    elif said != stated:
        treated.append(f"unit stated: {stated}" + ("" if unsaid else f" (the file: {said})"))
    mass = convertible(text, "t") or convertible(text, "t / m^2 / s")
    if mass and not substance(text) and re.fullmatch(_GAS, gas):
        treated.append(f"substance by the file: {gas}")
        return f"{text} {gas}"
    return text


def kind_of(text: str, kind: Kind | None, where: str) -> Kind:
    """Return what the values are, if the unit leaves no doubt or bears out what was stated.

    Parameters
    ----------
    text : str
        Unit, from `agreed_unit`.
    kind : {"amount", "density", "flux"} or None
        What was stated.
    where : str
        What is read, for messages.

    Returns
    -------
    {"amount", "density", "flux"}

    Raises
    ------
    GridError
        A unit that leaves doubt, or contradicts what was stated.

    Examples
    --------
    >>> kind_of("kg m^-2 s^-1", None, "a.nc"), kind_of("t CO2", None, "a.nc")
    ('flux', 'amount')
    """
    flux = convertible(text, "t / m^2 / s")
    amount = any(convertible(text, one) for one in ("t", "t / s", "person", "TJ"))
    amount |= currency(text) is not None and convertible(text, str(currency(text)))
    deduced: Kind | None = "flux" if flux else "amount" if amount else None
    if convertible(text, "person / m^2"):
        deduced = "density"
    if kind is None and deduced is None:
        raise GridError(
            f"{where}: {text!r} does not tell amounts per cell from densities; state kind="
            "'amount', 'density' or 'flux'"
        )
    wrong = {
        "amount": per_area(text),
        "density": amount,
        "flux": not flux and not convertible(text, "t / m^2"),
    }
    if kind is not None and wrong[kind]:
        what = "per cell" if amount else "per area and time" if flux else "per area"
        raise GridError(
            f"{where} is in {text!r}, {what}, which is no {kind}: leave kind= out, or state the "
            "unit that is right"
        )
    return kind or deduced or "amount"


def to_amounts(
    text: str, kind: Kind, year: int | None, month: int | None, where: str
) -> tuple[float, str, str]:
    """Return what makes amounts of a year, or of a month of it, of values.

    Parameters
    ----------
    text : str
        Unit, from `agreed_unit`.
    kind : {"amount", "density", "flux"}
    year, month : int or None
        Whose days count.
    where : str
        What is read, for messages.

    Returns
    -------
    number : float
        To multiply with; fluxes also with the area of their cell [km²].
    unit : str
        Of the product.
    how : str
        What was done, in words; empty for nothing.

    Raises
    ------
    GridError
        Values per day, hour or second of no known year.

    Examples
    --------
    >>> to_amounts("kg m^-2 s^-1", "flux", 2008, None, "a.nc")
    (31622400000.0, 't', 'kg m-2 s-1 × area × 366 days (2008)')
    """
    base = re.search(rf"\b({_TIMES})\b", text)
    area = " / km^2" if kind == "flux" else ""
    if kind == "density" or (not area and not base):
        return 1.0, text, ""
    made = f"t {substance(text)}".strip()
    if base is None:
        return factor(text, f"{made}{area}"), made, f"{text} × area"
    length, days = base[1], 0
    if length in ("day", "hour", "s") or (length == "year" and month):
        if year is None:
            raise GridError(
                f"{where} is per {length} and does not say of which year: name it with year=, for "
                "365 or 366 days"
            )
        days = calendar.monthrange(year, month)[1] if month else 365 + calendar.isleap(year)
    times = {
        "year": days / (365 + calendar.isleap(year)) if month and year else 1.0,
        "month": 1.0 if month else 12.0,
        "day": days, "hour": days * 24, "s": days * 86400,
    }[length]  # fmt: skip
    number = factor(re.sub(rf"\b{length}\b", "s", text), f"{made}{area} / s") * times
    whole = f"{365 + calendar.isleap(year)} days ({year})" if days and year else ""
    how = whole or ("1 year" if length == "year" else "12 months")
    said = text.replace("^", "")
    return number, made, f"{said} ×{' area ×' if area else ''} {how}"
