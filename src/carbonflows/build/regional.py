"""One region's table as statistics offices publish it, and the tables of all regions joined."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, ShapeError, some
from carbonflows.labels import repeated

FLOWS = ("exports", "imports", "outflow", "inflow", "x", "value_added")


@dataclass(frozen=True, eq=False)
class RegionalTable:
    """Input-output table of one region of a country, with imports inside its uses.

    Parameters
    ----------
    name : str
        The region.
    Z : DataFrame (h, h)
        Inputs by product and buying sector, of all origins [money/yr].
    Y : DataFrame (h, q)
        Final use inside the region by category, of all origins [money/yr].
    exports, imports : Series (h,)
        To and from abroad, not negative [money/yr].
    outflow, inflow : Series (h,)
        To and from the country's other regions, not negative [money/yr].
    x : Series (h,)
        Gross output [money/yr].
    value_added : Series (h,)
        Value added [money/yr].
    unit : str
        Unit of all flows.
    year : int, optional
    facts : dict
        How the table came about: published, or estimated by which method.

    Raises
    ------
    LabelError
        Sectors that are repeated, or are not the same in every part.
    ShapeError
        Inputs that are not sector by sector.
    DataError
        A number that is not finite, or trade below zero.

    Notes
    -----
    ``x = Z 1 + Y 1 + exports + outflow − imports − inflow + error``; published tables have an
    `error` of their own.

    Examples
    --------
    >>> north = two_regionals()["north"]
    >>> north.sectors.tolist(), north.error.abs().max() < 1e-12
    (['goods', 'services'], np.True_)
    """

    name: str
    Z: pd.DataFrame
    Y: pd.DataFrame
    exports: pd.Series
    imports: pd.Series
    outflow: pd.Series
    inflow: pd.Series
    x: pd.Series
    value_added: pd.Series
    unit: str
    year: int | None = None
    facts: Mapping[Any, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sectors = self.Z.index
        if twice := repeated(sectors):
            raise LabelError(f"{self.name}: sector {some(twice)} is there twice; name each once")
        if len(self.Z.columns) != len(sectors):
            raise ShapeError(f"{self.name}: Z is {self.Z.shape}; give inputs sector by sector")
        conformed: dict[str, Any] = {
            "Z": _conformed(self.Z, sectors, f"{self.name}: rows of Z"),
            "Y": _conformed(self.Y, sectors, f"{self.name}: rows of Y"),
        }
        conformed["Z"] = _conformed(conformed["Z"].T, sectors, f"{self.name}: columns of Z").T
        for key in FLOWS:
            conformed[key] = _conformed(getattr(self, key), sectors, f"{self.name}: {key}")
        for key, values in conformed.items():
            values = values.astype(float)
            if not np.isfinite(values.to_numpy()).all():
                raise DataError(f"{self.name}: {key} has a cell that is not a finite number")
            object.__setattr__(self, key, values)
        for key in ("exports", "imports", "outflow", "inflow"):
            flow = getattr(self, key)
            if len(low := flow.index[flow < 0]):
                raise DataError(
                    f"{self.name}: {key} of {some(low)} is below zero; book it the other way round"
                )

    @property
    def sectors(self) -> pd.Index:
        """Sectors, the order of every row and column."""
        return self.Z.index

    @property
    def error(self) -> pd.Series:
        """Output less uses plus purchases from outside (h,) [money/yr]."""
        used = self.Z.sum(axis=1) + self.Y.sum(axis=1) + self.exports + self.outflow
        return self.x - (used - self.imports - self.inflow)

    @property
    def column_error(self) -> pd.Series:
        """Output less inputs and value added (h,) [money/yr]."""
        return self.x - self.Z.sum(axis=0) - self.value_added


@dataclass(frozen=True, eq=False)
class Interregional:
    """Tables of a country's regions joined by the trade between them.

    Parameters
    ----------
    Z : DataFrame (n, n)
        Inputs by node ``(region, sector)`` of origin and of use, imports left out [money/yr].
    Y : DataFrame (n, r·q)
        Final use by node of origin and ``(region, category)``, imports left out [money/yr].
    exports : Series (n,)
        To abroad [money/yr].
    import_Z : DataFrame (h, n)
        Imported inputs by product and node of use [money/yr].
    import_Y : DataFrame (h, r·q)
        Imported final use by product and ``(region, category)`` [money/yr].
    x, value_added : Series (n,)
        Output and value added [money/yr].
    unit : str
        Unit of all flows.
    year : int, optional
    method : dict
        How trade between regions came about: survey, gravity, non-survey …; always stated.

    Examples
    --------
    >>> from carbonflows.build.interregional import interregional
    >>> tables = two_regionals()
    >>> trade = pd.DataFrame(
    ...     [[0, 20.0], [10, 0], [0, 5], [15, 0]],
    ...     pd.MultiIndex.from_product([["goods", "services"], list(tables)]), list(tables),
    ... )
    >>> joined = interregional(tables, trade, method={"trade": "survey"})
    >>> joined.Z.shape, joined.regions.tolist()
    ((4, 4), ['north', 'south'])
    """

    Z: pd.DataFrame
    Y: pd.DataFrame
    exports: pd.Series
    import_Z: pd.DataFrame
    import_Y: pd.DataFrame
    x: pd.Series
    value_added: pd.Series
    unit: str
    year: int | None
    method: Mapping[Any, Any]

    @property
    def nodes(self) -> pd.MultiIndex:
        """Node labels ``(region, sector)``."""
        return self.Z.index  # type: ignore[return-value]

    @property
    def regions(self) -> pd.Index:
        """Regions in order of their first node."""
        return self.nodes.get_level_values(0).unique()

    @property
    def sectors(self) -> pd.Index:
        """Sectors in order of appearance."""
        return self.nodes.get_level_values(1).unique()

    @property
    def error(self) -> pd.Series:
        """Output less domestic use and exports (n,) [money/yr]."""
        return self.x - self.Z.sum(axis=1) - self.Y.sum(axis=1) - self.exports


def two_regionals() -> dict[str, RegionalTable]:
    """Two small tables of one country that fit together, for examples and tests.

    Examples
    --------
    >>> tables = two_regionals()
    >>> tables["north"].outflow.tolist() == tables["south"].inflow.tolist()
    True
    """
    sectors = pd.Index(["goods", "services"], name="sector")
    made = {}
    for name, Z, Y, exports, imports, outflow, inflow in (
        ("north", [[30, 10], [15, 20]], [[40, 10], [45, 5]], [20, 5], [15, 0], [20, 5], [10, 15]),
        ("south", [[20, 5], [10, 25]], [[25, 5], [40, 5]], [5, 0], [5, 5], [10, 15], [20, 5]),
    ):
        inputs = pd.DataFrame(Z, sectors, sectors, dtype=float)
        final = pd.DataFrame(Y, sectors, ["households", "investment"], dtype=float)
        sold, bought, sent, received = (
            pd.Series(v, sectors, dtype=float) for v in (exports, imports, outflow, inflow)
        )
        x = inputs.sum(axis=1) + final.sum(axis=1) + sold - bought + sent - received
        made[name] = RegionalTable(
            name, inputs, final, exports=sold, imports=bought, outflow=sent, inflow=received, x=x,
            value_added=x - inputs.sum(axis=0), unit="M CNY", year=2007, facts={"trade": "made up"},
        )  # fmt: skip
    return made


def _conformed(values: Any, sectors: pd.Index, what: str) -> Any:
    """Put rows in the order of sectors, or say which are missing or too many."""
    missing = [s for s in sectors if s not in values.index]
    extra = [s for s in values.index if s not in sectors]
    if missing or extra or len(values) != len(sectors):
        told = f"lack {some(missing)}" if missing else f"have {some(extra)} besides its sectors"
        raise LabelError(f"{what} {told}; give the same sectors everywhere")
    return values.loc[sectors]
