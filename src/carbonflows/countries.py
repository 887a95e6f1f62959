"""Names and codes of countries, by country_converter."""

from collections.abc import Iterable

import pandas as pd


def iso3(names: Iterable[str]) -> list[str | None]:
    """Return the ISO3 code of countries written in any usual way.

    Parameters
    ----------
    names : iterable of str
        Country names or codes.

    Returns
    -------
    list of str or None
        None where `country_converter` knows no single country.

    Examples
    --------
    >>> iso3(["Viet Nam", "Germany", "Atlantis"])
    ['VNM', 'DEU', None]
    """
    found = converter().pandas_convert(pd.Series(list(names), dtype="str"), to="ISO3")
    return [x if isinstance(x, str) and len(x) == 3 else None for x in found]


OWN_CODES = {
    "ROW": "Rest of the world",
    "EEU": "Eastern EU members",
    "WEU": "Rest of Western Europe",
}
"""Names of region codes of this package that are no countries."""


def country_names(codes: Iterable[str]) -> list[str]:
    """Return short names for ISO3 codes and for this package's own; others come back unchanged.

    Examples
    --------
    >>> country_names(["CHN", "ROW", "XYZ"])
    ['China', 'Rest of the world', 'XYZ']
    """
    known = {**dict(converter().data[["ISO3", "name_short"]].to_numpy()), **OWN_CODES}
    return [str(known.get(code, code)) for code in codes]


def converter():  # type: ignore[no-untyped-def]
    """Return country_converter's table and its matching, kept from warning about every name."""
    import logging

    import country_converter

    logging.getLogger("country_converter").setLevel(logging.CRITICAL)
    return country_converter.CountryConverter()
