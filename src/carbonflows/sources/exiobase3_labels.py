"""What EXIOBASE 3 calls things: regions, rows of CO2, rows of value added, bad releases."""

import re
from functools import cache

from carbonflows.countries import converter
from carbonflows.sources.tabbed import Label

FOSSIL = (
    "CO2 - combustion - air",
    "CO2 - non combustion - Cement production - air",
    "CO2 - non combustion - Lime production - air",
    "CO2 - waste - fossil - air",
)
"""Rows that make up fossil and process CO2; they do not overlap."""
APART = (
    "CO2 - agriculture - peat decay - air",
    "CO2_bio - combustion - air",
    "CO2 - waste - biogenic - air",
)
"""CO2 of land use and of living matter: read when asked for by name, never added to `FOSSIL`."""

VALUE_ADDED = (
    "Taxes less subsidies on products purchased",
    "Other net taxes on production",
    "Compensation of employees",
    "Operating surplus",
)
"""How the rows of primary inputs begin: taxes less subsidies and value added at basic prices."""

BAD = {
    "3.8.1": "wrong final demand of electricity, gas and other utilities in some countries "
    "(for example electricity in China in 2019); version 3.9 or later is safer",
}
BAD["3.8.2"] = BAD["3.8.1"]
"""Releases with known errors, by version."""

RESTS = ("WA", "WE", "WF", "WL", "WM")
"""The five rests of the world: Asia and Pacific, Europe, Africa, America, Middle East."""

_PAIRS = """
AT:AUT AU:AUS BE:BEL BG:BGR BR:BRA CA:CAN CH:CHE CN:CHN CY:CYP CZ:CZE DE:DEU DK:DNK EE:EST ES:ESP
FI:FIN FR:FRA GB:GBR GR:GRC HR:HRV HU:HUN ID:IDN IE:IRL IN:IND IT:ITA JP:JPN KR:KOR LT:LTU LU:LUX
LV:LVA MT:MLT MX:MEX NL:NLD NO:NOR PL:POL PT:PRT RO:ROU RU:RUS SE:SWE SI:SVN SK:SVK TR:TUR TW:TWN
US:USA ZA:ZAF ROM:ROU
"""
_ISO3 = dict(pair.split(":") for pair in _PAIRS.split())


def region_code(code: str) -> str:
    """ISO3 code of a region; the five rests of the world keep theirs.

    Some releases write ISO3 codes, ``ROM`` for Romania and ``WWA`` for ``WA``.

    Examples
    --------
    >>> [region_code(code) for code in ("DE", "ROM", "WWA", "WF")]
    ['DEU', 'ROU', 'WA', 'WF']
    """
    if re.fullmatch("WW[AEFLM]", code):
        return code[1:]
    return _ISO3.get(code, code)


@cache
def members_of_rests() -> dict[str, tuple[str, ...]]:
    """ISO3 codes of the countries in each rest of the world.

    Examples
    --------
    >>> "KEN" in members_of_rests()["WF"], "IRN" in members_of_rests()["WM"]
    (True, True)
    """
    data = converter().data
    return {rest: tuple(sorted(data["ISO3"][data["EXIO3"] == rest])) for rest in RESTS}


def is_value_added(label: Label) -> bool:
    """Whether a row of a satellite is a primary input.

    Examples
    --------
    >>> is_value_added(("Operating surplus: Rents on land",)), is_value_added(("SOx",))
    (True, False)
    """
    return label[0].startswith(VALUE_ADDED)
