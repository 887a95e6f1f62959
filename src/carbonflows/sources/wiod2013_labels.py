"""The names of the WIOD 2013 release and those used here."""

from pathlib import Path

from carbonflows.errors import LabelError, some

SECTORS: dict[str, tuple[str, str]] = {
    "c1": ("AtB", "Agriculture, forestry and fishing"),
    "c2": ("C", "Mining and quarrying"),
    "c3": ("15t16", "Food, beverages and tobacco"),
    "c4": ("17t18", "Textiles and clothing"),
    "c5": ("19", "Leather and footwear"),
    "c6": ("20", "Wood products"),
    "c7": ("21t22", "Paper and printing"),
    "c8": ("23", "Coke and refined petroleum"),
    "c9": ("24", "Chemicals"),
    "c10": ("25", "Rubber and plastics"),
    "c11": ("26", "Non-metallic minerals"),
    "c12": ("27t28", "Basic and fabricated metals"),
    "c13": ("29", "Machinery"),
    "c14": ("30t33", "Electrical and optical equipment"),
    "c15": ("34t35", "Transport equipment"),
    "c16": ("36t37", "Other manufacturing and recycling"),
    "c17": ("E", "Electricity, gas and water"),
    "c18": ("F", "Construction"),
    "c19": ("50", "Motor trade and repair"),
    "c20": ("51", "Wholesale trade"),
    "c21": ("52", "Retail trade"),
    "c22": ("H", "Hotels and restaurants"),
    "c23": ("60", "Inland transport"),
    "c24": ("61", "Water transport"),
    "c25": ("62", "Air transport"),
    "c26": ("63", "Transport services"),
    "c27": ("64", "Post and telecommunications"),
    "c28": ("J", "Finance and insurance"),
    "c29": ("70", "Real estate"),
    "c30": ("71t74", "Business services"),
    "c31": ("L", "Public administration and defence"),
    "c32": ("M", "Education"),
    "c33": ("N", "Health and social work"),
    "c34": ("O", "Other community services"),
    "c35": ("P", "Private households with employees"),
}
"""WIOD code → (ISIC rev. 3 code, name used here)."""

CATEGORIES = {"c37": "CONS_h", "c38": "CONS_np", "c39": "CONS_g", "c41": "GFCF", "c42": "INVEN"}


def iso3(code: str) -> str:
    """ISO3 code of a WIOD country code.

    Examples
    --------
    >>> iso3("ROM"), iso3("RoW"), iso3("CHN")
    ('ROU', 'ROW', 'CHN')
    """
    return {"ROM": "ROU", "ROW": "ROW"}.get(code.upper(), code)


def sector_names(codes: list[str], file: Path) -> list[str]:
    """Names of WIOD sector codes found in a file.

    Raises
    ------
    LabelError
        A code that this release does not have.

    Examples
    --------
    >>> sector_names(["c17"], Path("wiot07_row_apr12.xlsx"))
    ['Electricity, gas and water']
    """
    unknown = [code for code in codes if code not in SECTORS]
    if unknown:
        raise LabelError(
            f"{file}: {some(unknown)} is no sector of this release; expected c1 to c35",
            labels=unknown,
        )
    return [SECTORS[code][1] for code in codes]
