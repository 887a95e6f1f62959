"""Where nodes emit of which no layer says it: like their group, their region, people, the land."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from carbonflows.errors import GridError, LabelError, some, suggested

DIRECT = "direct"
STEPS = ("sector group", "industry", "fallback layer", "land")
"""Fallbacks in the order in which they are tried."""


@dataclass(frozen=True)
class Part:
    """A part of a node's emissions and the patterns that it follows.

    Attributes
    ----------
    region, sector : str
    step : str
        ``direct`` or one of `STEPS`.
    layer : str
        Where the pattern is from.
    mass : float
        Emissions [unit of the mass].
    follows : mapping of int to float
        Position of a pattern → weight; the weights need not sum to one.
    scaled : float
        Factor that points' own emissions were multiplied with.
    """

    region: str
    sector: str
    step: str
    layer: str
    mass: float
    follows: Mapping[int, float]
    scaled: float = 1.0


@dataclass
class _Placed:
    """What is placed directly: pattern → mass, and from which layers."""

    mass: dict[int, float] = field(default_factory=dict)
    layers: dict[str, None] = field(default_factory=dict)

    def add(self, part: Part) -> None:
        """Count a part in."""
        whole = sum(part.follows.values())
        for pattern, weight in part.follows.items():
            self.mass[pattern] = self.mass.get(pattern, 0.0) + part.mass * weight / whole
        self.layers[part.layer] = None


def substitutes(
    direct: Sequence[Part], groups: Mapping[str, Sequence[str]] | None
) -> tuple[dict[tuple[str, str], Part], dict[str, Part]]:
    """Return what sectors without a layer can follow: placed sectors of their group and region.

    Parameters
    ----------
    direct : sequence of Part
        What is placed directly.
    groups : mapping of str to sequence of str, optional
        Group → its sectors; a sector is in one group at most.

    Returns
    -------
    by_group : dict of (region, sector) → Part
        Mean of the patterns of placed sectors of the group in the region, by their mass.
    by_region : dict of region → Part
        Mean of the patterns of all placed sectors in the region, by their mass.

    Raises
    ------
    LabelError
        A sector in two groups.

    Examples
    --------
    >>> steel = Part("A", "steel", "direct", "works", 3.0, {0: 1.0})
    >>> power = Part("A", "power", "direct", "plants", 1.0, {1: 1.0})
    >>> by_group, by_region = substitutes([steel, power], {"metals": ["steel", "copper"]})
    >>> by_group["A", "copper"].follows, by_region["A"].follows
    ({0: 3.0}, {0: 3.0, 1: 1.0})
    """
    group_of: dict[str, str] = {}
    for group, members in (groups or {}).items():
        for sector in map(str, members):
            if sector in group_of:
                raise LabelError(
                    f"{sector!r} is in the groups {group_of[sector]} and {group}; leave it in one",
                    labels=[sector],
                )
            group_of[sector] = group
    regions: dict[str, _Placed] = {}
    grouped: dict[tuple[str, str], _Placed] = {}
    for part in direct:
        regions.setdefault(part.region, _Placed()).add(part)
        if part.sector in group_of:
            grouped.setdefault((part.region, group_of[part.sector]), _Placed()).add(part)
    by_group = {
        (region, sector): _follow(region, sector, "sector group", grouped[region, group])
        for sector, group in group_of.items()
        for region in regions
        if (region, group) in grouped
    }
    by_region = {
        region: _follow(region, "", "industry", placed) for region, placed in regions.items()
    }
    return by_group, by_region


def require_groups(groups: Mapping[str, Sequence[str]] | None, sectors: Sequence[str]) -> None:
    """Raise on groups of sectors that the table does not have.

    Parameters
    ----------
    groups : mapping of str to sequence of str, optional
    sectors : sequence of str
        Of the table.

    Raises
    ------
    LabelError

    Examples
    --------
    >>> require_groups({"metals": ["steel"]}, ["steel", "power"])
    """
    for group, members in (groups or {}).items():
        if isinstance(members, str):
            raise LabelError(f"group {group}: {members!r} is one word; give a list: [{members!r}]")
        if lost := [str(sector) for sector in members if str(sector) not in sectors]:
            way_out = suggested(lost, sectors, "leave it out")
            raise LabelError(f"group {group}: no sector {some(lost)}; {way_out}", labels=lost)


def require_placed(report: pd.DataFrame, most: float) -> None:
    """Raise where fallbacks carry too much.

    Parameters
    ----------
    report : DataFrame
        Columns region, sector, step, mass.
    most : float
        Largest share of all mass that they may carry.

    Raises
    ------
    GridError

    Examples
    --------
    >>> one = pd.DataFrame(
    ...     {"region": "A", "sector": ["steel", "glass"], "step": ["direct", "land"], "mass": 1.0}
    ... )
    >>> require_placed(one, most=0.5)
    """
    carried = report[report["step"] != DIRECT]
    share = carried["mass"].sum() / report["mass"].sum() if len(carried) else 0.0
    if share <= most:
        return
    largest = carried.groupby(["region", "sector"])["mass"].sum().sort_values(ascending=False)
    largest /= report["mass"].sum()
    shown = [f"{region}/{sector} ({part:.1%})" for (region, sector), part in largest.items()]
    raise GridError(
        f"{some(shown)}: no layer says where they emit, {share:.1%} of the mass in all; give a "
        f"layer for these sectors, or raise most={most:g}",
        share=share, labels=list(largest.index),
    )  # fmt: skip


def _follow(region: str, sector: str, step: str, placed: _Placed) -> Part:
    """Return what follows all that is placed; its mass is not known yet."""
    return Part(region, sector, step, ", ".join(placed.layers), 0.0, placed.mass)
