"""Settings of a study of hotspots: the grid, what says where sectors emit, and what is asked."""

from typing import Literal

from pydantic import Field

from carbonflows.study.strict import Names, Strict


class PointsSpec(Strict):
    """Points that say where sectors emit: a file with a line, or a feature, per plant."""

    file: str
    sectors: dict[str, Names] | list[str] = []
    longitude: str = "longitude"
    latitude: str = "latitude"
    value: str = "value"
    unit: str = ""
    region: str | None = None
    sector: str | None = None
    fuel: str | None = None
    name: str | None = None
    carries: Literal["all", "own"] = "all"
    excess: Literal["refuse", "scale"] = "refuse"
    crs: str | None = None
    layer: str | None = None
    missing: Literal["refuse", "drop"] = "refuse"
    null_island: Literal["refuse", "drop", "keep"] = "refuse"
    negative: Literal["refuse", "drop"] = "refuse"
    duplicates: Literal["refuse", "drop", "keep"] = "refuse"
    wrap: bool = False
    swap: bool = False


class RasterSpec(Strict):
    """A raster of emissions, or of something that they follow."""

    file: str
    layout: Literal["raster", "cdiac"] = "raster"
    variable: str | None = None
    year: int | None = None
    over: Literal["sum"] | None = None
    band: int | str | None = None
    unit: str | None = None
    kind: Literal["amount", "density", "flux"] | None = None
    crs: str | None = None
    missing: float | list[float] | None = None
    negative: Literal["refuse", "drop"] = "refuse"
    flip: list[Literal["latitude", "half-turn"]] = []
    sectors: list[str] = []
    check: Literal["refuse", "ignore"] = "refuse"
    on_land: bool = False
    partial: bool = False
    fallback: bool = False


class OutlinesSpec(Strict):
    """Outlines: a file, and which of its columns have codes and names."""

    file: str
    code: str = "code"
    name: str | None = None
    crs: str | None = None
    mend: bool = False
    layer: str | None = None


class WorldSpec(Strict):
    """The mirror image: where in the world the emissions that a region's demand causes occur."""

    raster: RasterSpec
    region: str
    step: float = Field(default=1.0, gt=0, allow_inf_nan=False)


class HotspotsSpec(Strict):
    """Where on the map: a country's emissions on a grid, by whose final demand causes them."""

    cell: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    crs: str = "china-albers"
    points: dict[str, PointsSpec] = {}
    rasters: dict[str, RasterSpec] = {}
    families: dict[str, Names] = {}
    destinations: list[str] = []
    share: float = Field(default=0.75, gt=0, lt=1)
    smallest: int = Field(default=1, ge=1)
    reach: int = Field(default=1, ge=1)
    coarser: list[int] = [2, 5]
    most: float = Field(default=0.05, ge=0, le=1)
    tolerance: float = Field(default=10.0, ge=0)
    misplaced: Literal["refuse", "declared", "located", "drop"] = "refuse"
    overlap: Literal["refuse", "share"] = "refuse"
    cities: OutlinesSpec | None = None
    territory: OutlinesSpec | None = None
    ports: str | None = None
    countries: str | None = None
    world: WorldSpec | None = None
