"""Tables at the heart of it: labelled, conformed once, read-only.

An `IOTable` holds what a multi-regional input-output database publishes for one year; an
`Extension` holds the emissions (or any other stressor) that go with it. Both match their labels
when they are built and never again: a pure reorder is conformed, a missing or an extra label
raises. Nothing can be changed afterwards; new data make a new table.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy as shallow
from copy import deepcopy
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.borders import OutputPolicy, borders, described
from carbonflows.errors import DataError, LabelError, ShapeError, UnsolvedTable, some
from carbonflows.extension import Extension
from carbonflows.labels import DEMAND, NODE, Array, conform, lock, pairs
from carbonflows.views import series_view, set_once, view

__all__ = ["Extension", "IOTable", "OutputPolicy", "block_sum", "runs", "two_regions"]


class IOTable:
    """One multi-regional input-output table of one year, labelled and read-only.

    Rows sell, columns buy. Nodes are pairs ``(region, sector)``; regions may have different
    sectors. Final demand columns are pairs ``(region, category)``.

    Parameters
    ----------
    Z : DataFrame (n, n)
        Intermediate flows [money/yr].
    Y : DataFrame (n, m·q)
        Final demand [money/yr]. Every region of the nodes must have at least one column.
    extensions : Extension, sequence or mapping of Extension
        Emissions and other stressors, conformed to the table's labels.
    output : {"rows", "columns", "given"}
        Where gross output comes from: ``rows`` (default) is ``x = Z1 + Y1``, with which every
        quantity identity holds; ``columns`` is inputs plus `value_added`; ``given`` takes `x`.
    x : Series (n,), optional
        Gross output as published. With ``output="given"`` it is used, else it is kept for the
        diagnosis only (attribute `x_given`).
    value_added : Series (n,) or DataFrame (a, n), optional
        Value added including taxes less subsidies, by buying node.
    unit : str
        Unit of money, for example ``"M USD"``.
    year : int, optional
        Year of the flows.
    currency : str, optional
        Currency; read from `unit` where it names one.
    price_basis : str
        For example ``"current basic prices"``.
    name : str
        Short name of the table, shown with every result.
    source : str
        Citation of the database.
    members : mapping of str to sequence of str, optional
        ISO3 codes of the countries in each region; ``"*"`` stands for all countries that are in no
        other region. Left out, every region stands for itself.
    provenance : mapping, optional
        Files, hashes, policies and steps behind the table.
    copy : bool
        Copy the numbers (default). Readers that hand over ownership pass False.

    Raises
    ------
    LabelError
        Duplicate, missing or extra labels.
    ShapeError
        Arrays whose sizes do not fit.
    DataError
        NaN, infinite or non-numeric values.

    Notes
    -----
    ``x_i = Σ_j z_ij + Σ_k y_ik`` (Miller and Blair 2009, eq. 2.1).

    Examples
    --------
    >>> nodes = pd.MultiIndex.from_tuples([("A", "goods"), ("B", "goods")])
    >>> demand = pd.MultiIndex.from_tuples([("A", "final"), ("B", "final")])
    >>> table = IOTable(
    ...     pd.DataFrame([[20.0, 10], [30, 40]], nodes, nodes),
    ...     pd.DataFrame([[50.0, 20], [10, 20]], nodes, demand),
    ...     extensions=Extension(pd.DataFrame([[50.0, 20]], ["CO2"], nodes), unit="Mt"),
    ...     unit="M USD", year=2012,
    ... )
    >>> table
    <IOTable 'table' 2012: 2 regions, 2 nodes, 2 demand columns, M USD, stressors CO2>
    >>> table.x.tolist()
    [100.0, 100.0]
    """

    extensions: Mapping[str, Extension]
    output: OutputPolicy
    unit: str
    currency: str | None
    price_basis: str
    year: int | None
    name: str
    source: str
    members: Mapping[str, tuple[str, ...]]
    _Z: pd.DataFrame
    _Y: pd.DataFrame
    _x: pd.Series
    _x_given: pd.Series | None
    _value_added: pd.Series | None
    _provenance: dict[str, Any]

    def __init__(
        self,
        Z: pd.DataFrame,
        Y: pd.DataFrame,
        *,
        extensions: Extension | Iterable[Extension] | Mapping[str, Extension] = (),
        output: OutputPolicy = "rows",
        x: pd.Series | None = None,
        value_added: pd.Series | pd.DataFrame | None = None,
        unit: str,
        year: int | None = None,
        currency: str | None = None,
        price_basis: str = "",
        name: str = "table",
        source: str = "",
        members: Mapping[str, Sequence[str]] | None = None,
        provenance: Mapping[str, Any] | None = None,
        copy: bool = True,
    ) -> None:
        for name_, frame in (("Z", Z), ("Y", Y)):
            if not isinstance(frame, pd.DataFrame):
                raise DataError(
                    f"{name_} is a {type(frame).__name__}, not a DataFrame: label its rows and "
                    "columns"
                )
        nodes = pairs(Z.index, "Z rows", NODE)
        if Z.shape[0] != Z.shape[1]:
            apart = pairs(Z.columns, "Z columns", NODE).symmetric_difference(nodes)
            raise ShapeError(
                f"Z has {Z.shape[0]} rows and {Z.shape[1]} columns: it must be square; only one "
                f"side has {some(apart)}",
                shape=Z.shape, labels=list(apart),
            )  # fmt: skip
        # What is wrong with the borders is said before the large matrix is checked.
        around = borders(
            nodes, Y, extensions=extensions, output=output, x=x, value_added=value_added,
            unit=unit, currency=currency, members=members, copy=copy,
        )  # fmt: skip
        Z = conform(Z, nodes, nodes, "Z", NODE, copy)
        if output == "rows":
            gross = Z.to_numpy().sum(axis=1) + around.Y.to_numpy().sum(axis=1)
        elif output == "columns":
            gross = Z.to_numpy().sum(axis=0) + np.asarray(around.value_added)
        else:
            gross = np.asarray(around.x_given)
        set_once(
            self,
            _Z=Z,
            _Y=around.Y,
            _x=pd.Series(lock(gross), nodes, name="x", copy=False),
            _x_given=around.x_given,
            _value_added=around.value_added,
            _provenance=deepcopy(dict(provenance or {})),
            extensions=MappingProxyType(around.extensions),
            output=output,
            unit=unit,
            currency=around.currency,
            price_basis=price_basis,
            year=None if year is None else int(year),
            name=name,
            source=source,
            members=MappingProxyType(around.members),
        )

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("an IOTable is read-only: use replace(…) to make a new one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("an IOTable is read-only: use replace(…) to make a new one")

    def __repr__(self) -> str:
        return described(
            "IOTable", self.name, self.year, self.demand, self.nodes, self.unit,
            self.extensions.values(),
        )  # fmt: skip

    @property
    def Z(self) -> pd.DataFrame:
        """Intermediate flows (n, n) [money/yr]."""
        return view(self._Z)

    @property
    def Y(self) -> pd.DataFrame:
        """Final demand (n, m·q) [money/yr]."""
        return view(self._Y)

    @property
    def x(self) -> pd.Series:
        """Gross output by the table's policy (n,) [money/yr]."""
        return series_view(self._x)

    @property
    def x_given(self) -> pd.Series | None:
        """Gross output as published, if it was given (n,) [money/yr]."""
        return None if self._x_given is None else series_view(self._x_given)

    @property
    def value_added(self) -> pd.Series | None:
        """Value added, if it was given (n,) [money/yr]."""
        return None if self._value_added is None else series_view(self._value_added)

    @property
    def provenance(self) -> dict[str, Any]:
        """Copy of what is known about the files, policies and steps behind the table."""
        return deepcopy(self._provenance)

    @property
    def table(self) -> NoReturn:
        """Refuse: accounts take a solved system, and look for its table here."""
        raise UnsolvedTable(
            f"{self.label} is a table where a solved system is needed: give carbonflows.Leontief(…)"
        )

    @property
    def nodes(self) -> pd.MultiIndex:
        """Node labels ``(region, sector)``, the order of every row and column."""
        return self._Z.index.copy()  # type: ignore[return-value]

    @property
    def demand(self) -> pd.MultiIndex:
        """Final demand labels ``(region, category)``, grouped by region in the nodes' order."""
        return self._Y.columns.copy()  # type: ignore[return-value]

    @property
    def regions(self) -> pd.Index:
        """Regions in order of their first node."""
        return self.nodes.get_level_values("region").unique()

    @property
    def sectors(self) -> pd.Index:
        """Sectors of any region, in order of appearance."""
        return self.nodes.get_level_values("sector").unique()

    @property
    def categories(self) -> pd.Index:
        """Final demand categories of any region, in order of appearance."""
        return self.demand.get_level_values("category").unique()

    @property
    def node_region(self) -> npt.NDArray[np.intp]:
        """Position of each node's region in `regions`, shape (n,)."""
        return self.regions.get_indexer(self.nodes.get_level_values("region"))

    @property
    def demand_region(self) -> npt.NDArray[np.intp]:
        """Position of each demand column's region in `regions`, shape (m·q,)."""
        return self.regions.get_indexer(self.demand.get_level_values("region"))

    @property
    def label(self) -> str:
        """Name and year, as results state them."""
        return self.name if self.year is None else f"{self.name} {self.year}"

    def final_demand(self) -> pd.DataFrame:
        """Sum final demand over categories.

        Returns
        -------
        DataFrame (n, m)
            Final demand by consuming region [money/yr].
        """
        summed = block_sum(self.Y.to_numpy(), self.demand_region, len(self.regions), axis=1)
        return pd.DataFrame(summed, self.nodes, self.regions.rename("demand_region"), copy=False)

    def _arguments(self) -> dict[str, Any]:
        """What the constructor makes this table of."""
        arguments: dict[str, Any] = {
            "Z": self.Z,
            "Y": self.Y,
            "extensions": [
                Extension(
                    e.F,
                    e.F_Y if e.has_final else None,
                    unit={str(s): str(u) for s, u in e.unit.items()},
                    name=e.name,
                    source=e.source,
                )
                for e in self.extensions.values()
            ],
            "x": self.x_given,
            "copy": False,
        }
        for key in (
            "output", "value_added", "unit", "year", "currency", "price_basis", "name", "source",
            "members", "provenance",
        ):  # fmt: skip
            arguments[key] = getattr(self, key)
        return arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return _made_again, (self._arguments() | {"members": dict(self.members)},)

    def replace(self, **changes: Any) -> "IOTable":
        """Make a new table with some arguments of the constructor changed.

        Parameters
        ----------
        **changes
            Arguments of `IOTable`.

        Returns
        -------
        IOTable

        Examples
        --------
        >>> from carbonflows.table import two_regions
        >>> two_regions().replace(year=2020).year
        2020
        """
        arguments = self._arguments()
        unknown = set(changes) - set(arguments)
        if unknown:
            raise LabelError(f"IOTable has no {some(sorted(unknown))}", labels=sorted(unknown))
        return IOTable(**(arguments | changes))

    def with_provenance(self, provenance: Mapping[str, Any]) -> "IOTable":
        """Make the same table, its numbers shared and not checked again, with another provenance.

        Parameters
        ----------
        provenance : mapping

        Returns
        -------
        IOTable

        Examples
        --------
        >>> from carbonflows.table import two_regions
        >>> two_regions().with_provenance({"reader": "plain"}).provenance
        {'reader': 'plain'}
        """
        other = shallow(self)
        set_once(other, _provenance=deepcopy(dict(provenance)))
        return other


def _made_again(arguments: dict[str, Any]) -> IOTable:
    """Make a table that came from another process."""
    return IOTable(**arguments)


def two_regions() -> IOTable:
    """Build the smallest world that shows every account: two regions, one sector.

    Returns
    -------
    IOTable
        ``Z = [[20, 10], [30, 40]]``, ``F = [[50, 20], [10, 20]]``, emissions (50, 20) Mt. All its
        accounts are known as exact fractions, for example consumption 134/3 and 76/3 Mt.

    Examples
    --------
    >>> two_regions().x.tolist()
    [100.0, 100.0]
    """
    nodes = pd.MultiIndex.from_product([["A", "B"], ["goods"]], names=NODE)
    demand = pd.MultiIndex.from_product([["A", "B"], ["final demand"]], names=DEMAND)
    return IOTable(
        pd.DataFrame([[20.0, 10.0], [30.0, 40.0]], nodes, nodes),
        pd.DataFrame([[50.0, 20.0], [10.0, 20.0]], nodes, demand),
        extensions=Extension(pd.DataFrame([[50.0, 20.0]], ["CO2"], nodes), unit="Mt"),
        unit="M USD",
        name="two regions",
    )


def block_sum(values: Array, groups: npt.NDArray[np.intp], size: int, *, axis: int) -> Array:
    """Sum an array over groups of positions along one axis.

    Parameters
    ----------
    values : array (a, b)
    groups : array of int
        Group of each position along `axis`, from 0 to `size` − 1.
    size : int
        Number of groups.
    axis : {0, 1}

    Returns
    -------
    array
        Shape (size, b) or (a, size).

    Examples
    --------
    >>> block_sum(np.array([[1.0, 2, 3]]), np.array([0, 1, 0]), 2, axis=1)
    array([[4., 2.]])
    """
    moved = np.moveaxis(values, axis, 0)
    if len(groups) and np.all(groups[1:] >= groups[:-1]) and groups[0] == 0:
        starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
        if len(starts) == size:
            return np.moveaxis(np.add.reduceat(moved, starts, axis=0), 0, axis)
    summed = np.zeros((size, *moved.shape[1:]))
    np.add.at(summed, groups, moved)
    return np.moveaxis(summed, 0, axis)


def runs(groups: npt.NDArray[np.intp]) -> Iterator[slice]:
    """Cut positions into runs of neighbours of one group.

    Examples
    --------
    >>> list(runs(np.array([0, 0, 1])))
    [slice(0, 2, None), slice(2, 3, None)]
    """
    edges = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1], True])
    return (slice(int(start), int(stop)) for start, stop in pairwise(edges))
