"""Regions of statistics by name or code, with Shanxi and Shaanxi kept apart."""

from collections.abc import Sequence
from difflib import get_close_matches

from carbonflows.errors import LabelError, quoted, some, suggested
from carbonflows.labels import repeated
from carbonflows.sources.ceads_provinces import PROVINCES, province

_UNCLEAR = ("shannxi", "shaxi", "sanxi", "shan'xi", "shānxī", "shǎnxī")
"""Spellings that are used for Shanxi and for Shaanxi."""


def named_regions(
    given: Sequence[str],
    where: str,
    *,
    codes: Sequence[str] | None = None,
    regions: Sequence[str] | None = None,
) -> dict[str, str]:
    """Name of each region as the results have it.

    Parameters
    ----------
    given : sequence of str
        Regions as the statistics write them, each once.
    where : str
        File or frame, for messages.
    codes : sequence of str, optional
        ISO 3166-2 or GB/T 2260 code of each; a code decides where the name is unclear.
    regions : sequence of str, optional
        Regions there must be, all of them. By default any, and provinces of China by name or code
        become their English names if one of them is a province.

    Returns
    -------
    dict of str to str

    Raises
    ------
    LabelError
        A region that is unknown, missing, may be one of two, is there under two names, or has the
        code of another.

    Examples
    --------
    >>> named_regions(["山西", "610000", "Hebei"], "balance")
    {'山西': 'Shanxi', '610000': 'Shaanxi', 'Hebei': 'Hebei'}
    >>> named_regions(["Shannxi"], "balance")
    Traceback (most recent call last):
    ...
    carbonflows.errors.LabelError: balance: region 'Shannxi' may be Shanxi (140000) or Shaanxi
    (610000); write the code or the full name
    """
    stated = list(codes) if codes is not None else [""] * len(given)
    chinese = any(province(text) for text in (*given, *stated)) and not (
        regions is not None and not all(province(r) for r in regions)
    )
    found: dict[str, str] = {}
    for name, code in zip(given, stated, strict=True):
        by_code = province(code) if code else None
        if code and by_code is None and chinese:
            raise LabelError(
                f"{where}: code {quoted(code)} of {name} is of no province; correct it"
            )
        unclear = name.casefold().strip() in _UNCLEAR
        by_name = None if unclear or not chinese else province(name)
        if by_code and by_name and by_code != by_name:
            raise LabelError(
                f"{where}: region {quoted(name)} has the code of {by_code} ({code}); "
                f"{by_name} is {PROVINCES[by_name][1]}, correct one of the two",
                labels=[name],
            )
        if unclear and not by_code and (regions is None or name not in regions):
            raise LabelError(
                f"{where}: region {quoted(name)} may be Shanxi (140000) or Shaanxi (610000); "
                "write the code or the full name",
                labels=[name],
            )
        found[name] = by_code or by_name or _known(name, regions, chinese, where)
    for twice in repeated(found.values()):
        spelt = [text for text, region in found.items() if region == twice]
        raise LabelError(f"{where}: {some(spelt)} are all {twice}; use one name", labels=spelt)
    if regions is not None:
        wanted = [province(r) or r if chinese else r for r in regions]
        missing = [r for r in wanted if r not in found.values()]
        if missing:
            raise LabelError(
                f"{where} lacks {some(missing)}; add what is missing or take it out of regions",
                labels=missing,
            )
        extra = [r for r in found.values() if r not in wanted]
        if extra:
            raise LabelError(
                f"{where} has {some(extra)} besides the regions asked for; leave it out or add it",
                labels=extra,
            )
    return found


def _known(name: str, regions: Sequence[str] | None, chinese: bool, where: str) -> str:
    if not chinese:
        if regions is not None and name not in regions:
            way_out = suggested([name], regions, f"regions are {some(regions, 40)}")
            raise LabelError(f"{where}: unknown region {quoted(name)}; {way_out}", labels=[name])
        return name
    near = get_close_matches(name.title(), PROVINCES, 3, 0.75)
    way_out = (
        "it may be " + " or ".join(f"{n} ({PROVINCES[n][1]})" for n in near) + ": write the code"
        if near
        else "write a province of China or its code, or leave the line out"
    )
    raise LabelError(f"{where}: region {quoted(name)} is no province; {way_out}", labels=[name])
