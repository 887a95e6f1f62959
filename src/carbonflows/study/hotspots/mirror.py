"""The mirror image: where in the world the emissions that one region's demand causes occur."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from carbonflows.countries import country_names
from carbonflows.errors import StudyError, some, suggested
from carbonflows.figures.shapes import region_shapes
from carbonflows.grid.gridded import GriddedFlows, gridded_flows
from carbonflows.grid.layers import RasterLayer
from carbonflows.grid.nodes import node_emissions
from carbonflows.grid.weights import weights
from carbonflows.raster import Grid
from carbonflows.solve import Leontief
from carbonflows.study.country import load_of
from carbonflows.study.hotspots.rasters import land_under, raster_of
from carbonflows.study.spec import Study
from carbonflows.table import IOTable

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


@dataclass(frozen=True, eq=False)
class Mirror:
    """Emissions everywhere that one region's final demand causes.

    Attributes
    ----------
    region : str
        Whose final demand, with what its households burn themselves.
    gridded : GriddedFlows
        Narrowed to it.
    shapes : GeoDataFrame
        Outlines of the world's regions.
    table : DataFrame
        By region: ``rank``, ``source``, ``name``, ``emissions``, ``share``.
    """

    region: str
    gridded: GriddedFlows
    shapes: "GeoDataFrame"
    table: pd.DataFrame


def mirror_of(study: Study, world: IOTable) -> Mirror | None:
    """Put what a region's final demand causes in all the world on a grid.

    Parameters
    ----------
    study : Study
    world : IOTable
        With the country whole.

    Returns
    -------
    Mirror or None
        None if the study does not ask for it.

    Raises
    ------
    StudyError
        A region that the table does not have.
    """
    wanted = study.hotspots.world
    if wanted is None:
        return None
    if wanted.region not in world.regions:
        way_out = suggested([wanted.region], world.regions, f"it has {some(world.regions, 60)}")
        raise StudyError(f"hotspots.world.region: {wanted.region!r} is not in the table; {way_out}")
    if abs(180 / wanted.step - round(180 / wanted.step)) > 1e-9:
        raise StudyError(
            f"hotspots.world.step: {wanted.step:g}° does not divide 180°; choose another"
        )
    load = load_of(study, world)
    shapes = region_shapes(world.members)
    data = raster_of(study, wanted.raster)
    mass = node_emissions(world, load)
    land = land_under(
        "world", data, shapes[["geometry"]], float(mass.sum()), load.unit, wanted.raster,
        partial=True,
    )  # fmt: skip
    placed = weights(
        Grid.lonlat(wanted.step), shapes[["geometry"]], mass,
        [
            RasterLayer(
                "the world's raster", data, kind=data.attrs.get("kind", "amount"),
                land=land,
            )
        ],
        most=study.hotspots.most,
    )  # fmt: skip
    found = gridded_flows(Leontief(world), placed, load).only(destination=wanted.region)
    sums = found.totals("region").sort_values(ascending=False, kind="stable")
    labels = [str(label) for label in sums.index]
    table = pd.DataFrame(
        {
            "rank": range(1, len(sums) + 1), "destination": wanted.region, "source": labels,
            "name": country_names(labels), "emissions": sums.to_numpy(),
            "share": sums.to_numpy() / sums.sum(),
        }
    )  # fmt: skip
    return Mirror(wanted.region, found, shapes, table)
