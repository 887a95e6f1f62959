"""Units as energy statistics print them: 10⁴ t, 10⁴ tce, 10⁸ m³, 万吨."""

import re
from typing import Literal, TypeAlias

from carbonflows import units
from carbonflows.errors import UnitError, quoted

Kind: TypeAlias = Literal["mass", "volume", "energy"]

_BASE: dict[Kind, str] = {"mass": "Gg", "volume": "m^3", "energy": "TJ"}
_WORDS = (
    ("万吨标准煤", "10^4 tce"), ("吨标准煤", "tce"), ("万吨", "10^4 t"), ("亿立方米", "10^8 m^3"),
    ("亿千瓦小时", "10^8 kWh"), ("百亿千焦", "10^10 kJ"), ("吉焦", "GJ"), ("吨", "t"),
)  # fmt: skip
_POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def plain_unit(unit: str) -> str:
    """Write a unit of energy statistics the way `carbonflows.units` reads it.

    Parameters
    ----------
    unit : str

    Returns
    -------
    str

    Examples
    --------
    >>> [plain_unit(u) for u in ("10⁴ t", "万吨", "10⁸ m³", "100 million cu.m", "10,000 tons")]
    ['10^4 t', '10^4 t', '10^8 m^3', '10^8 m^3', '10^4 t']
    """
    text = unit.strip()
    for word, plain in _WORDS:
        text = text.replace(word, plain)
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: "^" + m[0].translate(_POWERS), text)
    text = re.sub(r"(?i)\bcu\.? ?m\b\.?|\bm3\b|\bcubic met(?:er|re)s?\b", "m^3", text)
    text = re.sub(r"(?i)\btons? of sce\b|\btons? of standard coal equivalent\b", "tce", text)
    text = re.sub(r"(?i)\bt ?ce\b", "tce", text)
    text = re.sub(r"(?i)\btons\b|\btonnes?\b|\bton\b", "t", text)
    text = re.sub(r"(?i)\b100[ ]million\b", "10^8", text)
    text = re.sub(
        r"(?<![\d.^])1(0{3,}|0{0,2}(?:[, ]0{3})+)(?![\d.])",
        lambda m: f"10^{len(re.sub(r'[^0]', '', m[1]))}", text,
    )  # fmt: skip
    return re.sub(r"(10\^\d+)(?=[^\d\s/])", r"\1 ", " ".join(text.split()))


def kind_of(unit: str, where: str) -> Kind:
    """Tell mass, volume and energy apart.

    Parameters
    ----------
    unit : str
    where : str
        What has this unit, for the message.

    Returns
    -------
    {"mass", "volume", "energy"}

    Raises
    ------
    UnitError
        Neither of them.

    Examples
    --------
    >>> kind_of("10^8 m³", "Natural gas"), kind_of("10^4 tce", "Total")
    ('volume', 'energy')
    """
    plain = plain_unit(unit)
    for kind, base in _BASE.items():
        if plain and units.convertible(plain, base):
            return kind
    raise UnitError(
        f"{where}: unit {quoted(unit)} is no mass, volume or energy; write for example '10^4 t', "
        "'10^8 m^3', 'TJ' or '10^4 tce'",
        unit=unit,
    )


def is_standard_coal(unit: str) -> bool:
    """Whether quantities are in standard coal equivalent, not in tonnes of the fuel."""
    return "tce" in plain_unit(unit).split("/")[0]


def terajoules(fuel: str, unit: str, ncv: float, ncv_unit: str) -> float:
    """Energy of one unit of a fuel.

    Parameters
    ----------
    fuel : str
        For messages.
    unit : str
        Unit of quantities: mass, volume or energy.
    ncv : float
        Net calorific value; not used where quantities are energy already.
    ncv_unit : str
        Energy by mass or by volume.

    Returns
    -------
    float
        TJ per unit.

    Raises
    ------
    UnitError
        A calorific value by mass for a volume, or the other way round.

    Examples
    --------
    >>> round(terajoules("Raw coal", "10^4 t", 0.21, "PJ/10^4 t"), 9)
    210.0
    >>> terajoules("Natural gas", "10^8 m³", 48.0, "TJ/Gg")
    Traceback (most recent call last):
    ...
    carbonflows.errors.UnitError: Natural gas: quantities in '10^8 m³' (volume) do not go with a
    calorific value in 'TJ/Gg'; give one by volume, for example in 'PJ/10^8 m^3'
    """
    kind = kind_of(unit, fuel)
    if kind == "energy":
        return units.factor(plain_unit(unit), "TJ")
    base = _BASE[kind]
    value_unit = plain_unit(ncv_unit)
    if not units.convertible(value_unit, f"TJ/{base}"):
        example = "PJ/10^8 m^3" if kind == "volume" else "TJ/Gg"
        raise UnitError(
            f"{fuel}: quantities in {quoted(unit)} ({kind}) do not go with a calorific value in "
            f"{quoted(ncv_unit)}; give one by {kind}, for example in '{example}'",
            fuel=fuel, unit=unit,
        )  # fmt: skip
    return units.factor(plain_unit(unit), base) * ncv * units.factor(value_unit, f"TJ/{base}")
