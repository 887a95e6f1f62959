"""GTAP's headers, in both of their namings, as accounts with matched labels."""

from collections.abc import Mapping, Sequence

import numpy as np

from carbonflows.errors import LabelError, SourceError, some
from carbonflows.labels import Array
from carbonflows.sources.gtap_mrio import CATEGORIES, Flows
from carbonflows.sources.har import HeaderArray

# What each header holds: its name in GTAP 8 to 10, its name since.
NAMES: dict[str, tuple[str | None, str]] = {
    "domestic": ("VDFM", "VDFB"), "imported": ("VIFM", "VMFB"),
    "domestic Households": ("VDPM", "VDPB"), "imported Households": ("VIPM", "VMPB"),
    "domestic Government": ("VDGM", "VDGB"), "imported Government": ("VIGM", "VMGB"),
    "domestic Investment": (None, "VDIB"), "imported Investment": (None, "VMIB"),
    "exports": ("VXMD", "VXSB"), "landed": ("VIMS", "VMSB"),
    "margins supplied": ("VST", "VST"), "margins used": ("VTWR", "VTWR"),
    "fob": ("VXWD", "VFOB"), "cif": ("VIWS", "VCIF"), "factors": ("VFM", "EVFB"),
    "make": (None, "MAKB"),
}  # fmt: skip
_OPTIONAL = ("fob", "cif", "factors", "make")
AT_AGENTS = {
    "VDFM": "VDFA", "VDPM": "VDPA", "VDGM": "VDGA", "VIFM": "VIFA", "VIPM": "VIPA", "VIGM": "VIGA",
    "VDFB": "VDFP", "VDPB": "VDPP", "VDGB": "VDGP", "VDIB": "VDIP",
    "VXMD": "VXWD", "VXSB": "VFOB", "VMFB": "VMFP", "VMPB": "VMPP", "VMGB": "VMGP", "VMIB": "VMIP",
}  # fmt: skip
"""Purchases (exports) at market, or basic, prices and the same with the taxes on them."""


def flows_of(arrays: Mapping[str, HeaderArray], where: str) -> Flows:
    """Bring the headers of either naming under one.

    Parameters
    ----------
    arrays : mapping of str to HeaderArray
        Headers of the base data.
    where : str
        File, for messages.

    Returns
    -------
    Flows

    Raises
    ------
    SourceError
        A header is missing, or both namings are there.
    LabelError
        Headers whose sets differ, or that do not list them.
    """
    styles = [k for k, mark in enumerate(("VDFM", "VDFB")) if mark in arrays]
    if len(styles) != 1:
        what = "both VDFM and VDFB" if styles else "neither VDFM nor VDFB"
        raise SourceError(f"{where} has {what}: give the base data of one release", path=where)
    style = styles[0]
    names = {what: pair[style] for what, pair in NAMES.items()}
    missing = [n for what, n in names.items() if n and n not in arrays and what not in _OPTIONAL]
    if missing:
        raise SourceError(
            f"{where} lacks the header {some(missing)}: give complete base data",
            path=where, headers=missing,
        )  # fmt: skip

    def sets(what: str, rank: int) -> tuple[tuple[str, ...], ...]:
        return sets_of(arrays[str(names[what])], rank, where)

    def take(what: str, *wanted: tuple[str, ...]) -> Array:
        return aligned(arrays[str(names[what])], wanted, where)

    goods, agents, regions = sets("domestic", 3)
    rest = () if style else tuple(a for a in agents if a not in goods)
    activities = tuple(a for a in agents if a not in rest)
    if set(activities) == set(goods):
        activities = goods
    if not style and (len(rest) != 1 or activities != goods):
        raise LabelError(
            f"{where}: VDFM has {some(agents, 3)} as buyers, expected its commodities and capital "
            "goods (cgds): give complete base data",
            path=where, labels=rest,
        )  # fmt: skip
    if names["make"] not in arrays and activities != goods:
        raise SourceError(
            f"{where} lacks the header MAKB, which says what {some(activities)} make: give "
            "complete base data",
            path=where,
        )
    margins = sets("margins used", 4)[0]
    lost = [m for m in margins if m not in goods]
    if lost:
        raise LabelError(
            f"{where}: VTWR has the transport service {some(lost)}, which is no commodity of "
            f"{names['domestic']}: get the file again",
            path=where, labels=lost,
        )  # fmt: skip
    blocks: dict[str, Array] = {}
    for kind in ("domestic", "imported"):
        firms = take(kind, goods, activities + rest, regions)
        final = [take(f"{kind} {c}", goods, regions) for c in CATEGORIES[: 3 if style else 2]]
        if not style:
            final.append(firms[:, -1])
        blocks[kind] = firms[:, : len(activities)]
        blocks[f"final_{kind}"] = np.stack(final, axis=1)
    trade = (goods, regions, regions)
    for what in ("fob", "cif"):
        if names[what] in arrays:
            blocks[what] = take(what, *trade)
    if names["factors"] in arrays:
        endowments, users, _ = sets("factors", 3)
        # Capital goods use no factors; releases differ in whether they are listed.
        capital = rest if set(rest) <= set(users) else ()
        factors = take("factors", endowments, activities + capital, regions)
        blocks["factors"] = factors[:, : len(activities)]
    if names["make"] in arrays:
        blocks["make"] = take("make", goods, activities, regions)
    return Flows(
        naming="VDFB, VMFB, VXSB" if style else "VDFM, VIFM, VXMD",
        regions=regions, goods=goods, activities=activities, margins=margins,
        exports=take("exports", *trade), landed=take("landed", *trade),
        supplied=take("margins supplied", margins, regions),
        used=take("margins used", margins, *trade), **blocks,
    )  # fmt: skip


def same_sets(arrays: Mapping[str, HeaderArray], where: str) -> None:
    """Raise where two headers list one set in different orders: labels were swapped.

    Headers may order their elements differently, but then their sets have different names.
    """
    first: dict[str, tuple[str, tuple[str, ...]]] = {}
    for array in arrays.values():
        for name, labels in zip(array.sets, array.labels, strict=True):
            if not name or labels is None:
                continue
            other, known = first.setdefault(name, (array.name, labels))
            if labels != known and set(labels) == set(known):
                odd = next(a for a, b in zip(labels, known, strict=True) if a != b)
                raise LabelError(
                    f"{where}: headers {other!r} and {array.name!r} list the set {name} in "
                    f"different orders, from {odd} on: labels were swapped, get the file again",
                    path=where, header=array.name, labels=[odd],
                )  # fmt: skip


def odd_taxes(arrays: Mapping[str, HeaderArray], where: str) -> list[str]:
    """Warn where purchases or exports with taxes are many times those without, or few of them.

    Domestic purchases have no published total before GTAP 10; what the tax rates come to is all
    that shows a wrong number.

    Parameters
    ----------
    arrays : mapping of str to HeaderArray
    where : str
        File, for messages.

    Returns
    -------
    list of str
        A sentence for each pair of headers with such a place.
    """
    warnings = []
    for plain, taxed in AT_AGENTS.items():
        one, other = arrays.get(plain), arrays.get(taxed)
        if one is None or other is None or one.values is None or other.values is None:
            continue
        if one.labels != other.labels:
            warnings.append(f"{where}: {plain} and {taxed} have different sets")
            continue
        low, high = np.minimum(one.values, other.values), np.maximum(one.values, other.values)
        odd = (high > 1.0) & (high > 5.0 * low)
        if odd.any():
            place = np.unravel_index(int(np.where(odd, high - low, 0.0).argmax()), odd.shape)
            at = "/".join(str(x[k]) for x, k in zip(one.labels, place, strict=True) if x)
            warnings.append(
                f"{where}: {plain} and {taxed} differ by more than a factor of 5 in "
                f"{int(odd.sum())} place(s), most at {at} ({one.values[place]:.6g} and "
                f"{other.values[place]:.6g} M USD)"
            )
    return warnings


def sets_of(array: HeaderArray, rank: int, where: str) -> tuple[tuple[str, ...], ...]:
    """Return the elements of each dimension; raise where the file does not list them."""
    if len(array.labels) != rank or array.values is None:
        raise SourceError(
            f"{where}: header {array.name!r} has {len(array.labels)} dimensions, expected {rank}: "
            "give GTAP's own files",
            path=where, header=array.name,
        )  # fmt: skip
    sets = []
    for place, labels in enumerate(array.labels, 1):
        if labels is None:
            raise LabelError(
                f"{where}: header {array.name!r} does not list the elements of its dimension "
                f"{place}: save it with sets",
                path=where, header=array.name,
            )  # fmt: skip
        sets.append(labels)
    return tuple(sets)


def aligned(array: HeaderArray, sets: Sequence[tuple[str, ...]], where: str) -> Array:
    """Return the numbers of a header in the order of the given sets; raise on other labels."""
    found = sets_of(array, len(sets), where)
    values = array.values
    assert values is not None
    for axis, (own, wanted) in enumerate(zip(found, sets, strict=True)):
        if own == wanted:
            continue
        lacking, extra = set(wanted) - set(own), set(own) - set(wanted)
        if lacking or extra:
            raise LabelError(
                f"{where}: header {array.name!r}, dimension {axis + 1}: lacks "
                f"{some(sorted(lacking)) or 'nothing'} and has {some(sorted(extra)) or 'nothing'} "
                "too many: the headers are of different releases, get the files again",
                path=where, header=array.name, labels=[*lacking, *extra],
            )  # fmt: skip
        values = np.take(values, [own.index(label) for label in wanted], axis=axis)
    return values
