"""Regions of GTAP: their codes, and the countries that stand together in its composite regions."""

from collections.abc import Sequence

from carbonflows.errors import LabelError, some
from carbonflows.labels import repeated

COMPOSITES = {
    "XOC": "ASM COK FJI PYF GUM KIR MHL FSM NRU NCL NIU MNP PLW PNG PCN WSM SLB TKL TON TUV UMI "
    "VUT WLF",
    "XEA": "MAC PRK MNG",
    "XSE": "MMR TLS BRN KHM LAO",
    "XSA": "AFG BTN MDV NPL PAK",
    "XNA": "BMU GRL SPM",
    "XSM": "FLK GUF GUY SGS SUR BOL ECU PRY",
    "XCA": "BLZ SLV HND CRI GTM NIC PAN",
    "XCB": "AIA ATG ABW BHS BRB CYM CUB DMA DOM GRD HTI JAM MSR BES CUW SXM PRI KNA LCA VCT TTO "
    "TCA VGB VIR",
    "XEF": "ISL LIE NOR",
    "XEE": "MDA BLR UKR",
    "XER": "AND BIH FRO GIB GGY VAT IMN JEY MKD MCO MNE SMR SRB ALB",
    "XSU": "TJK TKM UZB KAZ KGZ ARM AZE GEO",
    "XWS": "IRQ LBN PSE SYR YEM JOR ISR BHR KWT OMN QAT SAU ARE IRN",
    "XNF": "DZA LBY ESH EGY",
    "XWF": "BEN BFA CPV CIV GMB GHA GIN GNB LBR MLI MRT NER SHN SLE TGO SEN NGA",
    "XCF": "CMR CAF TCD COG GNQ GAB STP",
    "XAC": "AGO COD",
    "XEC": "BDI COM DJI ERI MYT SYC SOM SDN SSD ETH KEN RWA MUS",
    "XSC": "LSO SWZ NAM",
}
"""Countries that a composite region may hold; those a release shows on their own are not in it.

After the lists of regions in the documentation of GTAP 7 to 9; later releases take countries out.
"""
REST = "XTW"
"""Rest of the world: Antarctica and uninhabited islands, whatever is in no other region."""
_RENAMED = {"ROM": "ROU"}


def gtap_regions(codes: Sequence[str], where: str) -> dict[str, tuple[str, ...]]:
    """Return region labels of a table and the countries in each.

    Parameters
    ----------
    codes : sequence of str
        Elements of GTAP's set of regions, in any case.
    where : str
        File, for messages.

    Returns
    -------
    dict of str to tuple of str
        Label → ISO3 codes, in the order of `codes`. Countries have their ISO3 code as label,
        composite regions GTAP's code in capitals. Regions of a user's own aggregation keep their
        name, and stand for themselves.

    Raises
    ------
    LabelError
        Two codes that stand for the same region.

    Examples
    --------
    >>> gtap_regions(["usa", "rom", "npl", "xsa", "EU_28"], "basedata.har")
    {'USA': ('USA',), 'ROU': ('ROU',), 'NPL': ('NPL',), 'XSA': ('AFG', 'BTN', 'MDV', 'PAK'),
    'EU_28': ('EU_28',)}
    """
    labels = [_label(code) for code in codes]
    twice = repeated(labels)
    if twice:
        raise LabelError(
            f"{where} has the region {some(twice)} twice: rename one of them", labels=twice
        )
    alone = set(labels)
    members: dict[str, tuple[str, ...]] = {}
    for label in labels:
        if label == REST:
            members[label] = ("*",)
        elif label in COMPOSITES:
            countries = COMPOSITES[label].split()
            members[label] = tuple(c for c in countries if c not in alone) or (label,)
        else:
            members[label] = (label,)
    return members


def _label(code: str) -> str:
    capitals = code.upper()
    if len(code) != 3 or not code.isalpha():
        return code
    return _RENAMED.get(capitals, capitals)
