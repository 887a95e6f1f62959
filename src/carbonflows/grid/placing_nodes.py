"""Which layer each node follows, in order of preference, and what is left for fallbacks."""

from collections.abc import Mapping, Sequence

import pandas as pd

from carbonflows import units
from carbonflows.errors import GridError, UnitError, some
from carbonflows.grid.fallback import DIRECT, STEPS, Part, substitutes
from carbonflows.grid.layers import Layer, PointLayer
from carbonflows.grid.surfaces import Surfaces

_ROUNDING = 1e-9
"""By how much of a node's mass points may differ from it and still be all of it."""


def placed_parts(
    mass: pd.Series,
    sectors: Sequence[str],
    layers: Sequence[Layer],
    surfaces: Surfaces,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> list[Part]:
    """Return the parts of each node's mass, with the patterns that they follow.

    Parameters
    ----------
    mass : Series (region, sector)
        Above zero, of regions with an outline.
    sectors : sequence of str
        All of the table.
    layers : sequence of Layer
        In order of preference.
    surfaces : Surfaces
        What the layers have in each cell and region.
    groups : mapping of str to sequence of str, optional
        See `substitutes`.

    Returns
    -------
    list of Part
        In the order of the nodes; of one node they sum to its mass. Points of their own emissions
        that were scaled to nothing follow at the end, with no mass.

    Raises
    ------
    GridError
        Points that carry more than their node emits.
    UnitError
        Points of their own emissions in another unit than the mass.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import box
    >>> from carbonflows.grid.coverage import coverage
    >>> from carbonflows.grid.layers import UniformLayer
    >>> land = gpd.GeoDataFrame(index=["A"], geometry=[box(0, 0, 1.5, 1)], crs="EPSG:4326")
    >>> from carbonflows.raster import Grid
    >>> grid = Grid("EPSG:4326", 0, 1, 1, 1, 1, 2)
    >>> surfaces = Surfaces(
    ...     grid, land, coverage(grid, land), regions=["A"], tolerance=10, misplaced="refuse"
    ... )
    >>> nodes = pd.MultiIndex.from_tuples([("A", "farms"), ("A", "shops")])
    >>> layers = [UniformLayer(sectors=["farms"])]
    >>> [
    ...     (part.sector, part.step, part.mass, part.follows)
    ...     for part in placed_parts(pd.Series([3.0, 1.0], nodes), ["farms"], layers, surfaces)
    ... ]
    [('farms', 'direct', 3.0, {0: 1.0}), ('shops', 'industry', 1.0, {0: 3.0})]
    """
    given = {(str(r), str(i)): float(m) for (r, i), m in zip(mass.index, mass, strict=True)}
    left = dict(given)
    parts: dict[tuple[str, str], list[Part]] = {node: [] for node in left}
    nowhere: list[Part] = []
    for layer in layers:
        if layer.fallback:
            continue
        own, scale = False, 1.0
        if isinstance(layer, PointLayer) and layer.carries == "own":
            own, scale = True, _factor(layer, mass)
        over: dict[tuple[str, str], float] = {}
        for sector in sectors:
            if not layer.speaks(sector):
                continue
            for region, amount in surfaces.totals(layer, sector).items():
                total = amount * scale
                node = (region, sector)
                rest = left.get(node, 0.0)
                if total <= 0 or (rest <= 0 and not own):
                    continue
                taken, scaled = rest, 1.0
                if own:
                    if total > rest + _ROUNDING * given.get(node, 0.0):
                        over[node] = total - rest
                        scaled = rest / total
                    elif total < rest - _ROUNDING * given[node]:
                        taken = total
                if taken == 0:
                    nowhere.append(Part(region, sector, DIRECT, layer.name, 0.0, {}, 0.0))
                    continue
                follows = {surfaces.pattern(layer, sector, region): 1.0}
                part = Part(region, sector, DIRECT, layer.name, taken, follows, scaled)
                parts[node].append(part)
                left[node] = rest - taken
        if over and isinstance(layer, PointLayer) and layer.excess == "refuse":
            _refuse_excess(layer, over)
    by_group, by_region = substitutes([part for made in parts.values() for part in made], groups)
    for node, rest in left.items():
        if rest > 0:
            like = by_group.get(node) or by_region.get(node[0])
            parts[node].append(_last(node, rest, like, layers, surfaces))
    return [part for made in parts.values() for part in made] + nowhere


def _last(
    node: tuple[str, str], rest: float, like: Part | None, layers: Sequence[Layer],
    surfaces: Surfaces,
) -> Part:  # fmt: skip
    """Return the part of a node that no layer speaks for."""
    region, sector = node
    if like is not None:
        return Part(region, sector, like.step, like.layer, rest, like.follows)
    for layer in layers:
        speaks = layer.fallback and layer.speaks(sector)
        if speaks and surfaces.totals(layer, sector)[region] > 0:
            follows = {surfaces.pattern(layer, sector, region): 1.0}
            return Part(region, sector, STEPS[2], layer.name, rest, follows)
    if not surfaces.totals(None, sector)[region] > 0:
        raise GridError(f"{region} has no area on the grid; check its outline, or leave it out")
    return Part(
        region, sector, STEPS[3], STEPS[3], rest, {surfaces.pattern(None, sector, region): 1.0}
    )


def _factor(layer: PointLayer, mass: pd.Series) -> float:
    """What brings the values of points that carry emissions to the unit of the mass."""
    unit, of = str(mass.attrs.get("unit", "")), str(mass.attrs.get("stressor", ""))
    if not layer.unit or not unit or layer.unit == unit:
        return 1.0
    if of in units.SUBSTANCES and not units.substance(unit):
        unit = f"{unit} {of}"
    try:
        return units.factor(layer.unit, unit)
    except UnitError as error:
        raise UnitError(f"{layer.name}: {error}") from error


def _refuse_excess(layer: PointLayer, over: Mapping[tuple[str, str], float]) -> None:
    """Raise on nodes whose points emit more than they do."""
    worst = sorted(over, key=lambda node: -over[node])
    shown = [f"{region}/{sector} (+{over[region, sector]:.4g})" for region, sector in worst]
    raise GridError(
        f"{layer.name}: points of {some(shown)} carry more than the node emits; check unit and "
        "year, or use excess='scale'", labels=worst,
    )  # fmt: skip
