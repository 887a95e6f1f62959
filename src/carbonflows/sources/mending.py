"""Areas whose rings cross themselves, made valid."""

from typing import Any


def mended(areas: Any) -> Any:
    """Return areas without rings that cross themselves; lines and dots that this leaves are gone.

    Parameters
    ----------
    areas : geometry or array of geometry (k,)
        Polygons and multipolygons in one plane.

    Returns
    -------
    geometry or array of geometry (k,)
        Of the same kinds; empty where there is no area.

    Notes
    -----
    The structure of rings is kept: shells are joined, holes are cut out. GEOS 3.14 returns rings
    that still cross where two lobes of one ring share a side; they are joined by a second pass.

    Examples
    --------
    >>> import shapely
    >>> mended(shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])).area
    0.5
    """
    import shapely

    for _ in range(2):
        areas = shapely.make_valid(areas, method="structure", keep_collapsed=False)
    return areas
