"""Errors of emissions by fuel: how much was burnt, and how much carbon a unit of it holds.

What one node burns is known independently of what another does, but all that take a fuel's emission
factor from the same place err together. Over many nodes the first kind averages out, the second
does not.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import NODE, Array, pairs, same_labels
from carbonflows.table import IOTable
from carbonflows.uncertainty.cells import Positions, chosen_stressors

Deviations: TypeAlias = float | Mapping[str, float]
Within: TypeAlias = Literal["node", "region", "world"]

TOLERANCE = 1e-6
"""Share of a node's emissions by which its fuels may miss them."""


@dataclass(frozen=True, eq=False)
class FuelErrors:
    """Errors of activity and of emission factors behind the emissions of nodes.

    Parameters
    ----------
    emissions : DataFrame (n, f)
        Emissions of each node by fuel, in the unit of the stressor in the table. Emissions without
        a fuel, as of processes, are a column as well.
    activity : float or mapping of str to float
        Relative standard deviation of the amount burnt [1], for all fuels or by fuel.
    factor : float or mapping of str to float
        Relative standard deviation of the emission factor [1], for all fuels or by fuel.
    activity_by : {"node", "region", "world"}
        Who shares one error of activity of a fuel: nobody (default), the nodes of a region, all.
    factor_by : {"world", "region", "node"}
        Who shares one error of a fuel's factor: all (default), the nodes of a region, nobody.
    stressor : str, optional
        Whose emissions these are; may be left out where the table has one stressor.

    Attributes
    ----------
    on : str
        ``"emissions"``, as of an `Error`.

    Raises
    ------
    DataError
        Emissions that are not finite, or no frame; standard deviations that are negative, not
        finite or no numbers; an unknown choice of who shares errors.
    LabelError
        Fuels that are named twice, or that the standard deviations do not name.

    Notes
    -----
    Activity and factor of a fuel are lognormal with mean 1 and independent of each other and of
    those of other fuels: ``F_i' = Σ_f F_if a_f(i) ε_f(i)``.

    References
    ----------
    IPCC 2006, Guidelines for National Greenhouse Gas Inventories, vol. 1, ch. 3.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> burnt = pd.DataFrame({"coal": [40.0, 5], "gas": [10.0, 15]}, two_regions().nodes)
    >>> fuels = FuelErrors(burnt, activity=0.1, factor={"coal": 0.05, "gas": 0.02})
    >>> [(relative.round(3).tolist(), shared) for relative, shared in fuels.parts(two_regions())][0]
    ([[0.08, 0.02], [0.025, 0.075]], None)
    """

    emissions: pd.DataFrame
    activity: Deviations
    factor: Deviations
    activity_by: Within = "node"
    factor_by: Within = "world"
    stressor: str | None = None
    on: ClassVar[Literal["emissions"]] = "emissions"

    def __post_init__(self) -> None:
        if not isinstance(self.emissions, pd.DataFrame):
            raise DataError(
                f"emissions are a {type(self.emissions).__name__}: give a DataFrame of nodes by "
                "fuel"
            )
        frame = self.emissions.set_axis(pairs(self.emissions.index, "emissions by fuel", NODE))
        twice = frame.columns[frame.columns.duplicated()]
        if len(twice):
            raise LabelError(f"fuel {some(twice)} occurs twice: add the columns", labels=[*twice])
        try:
            numbers = frame.astype(float)
        except (TypeError, ValueError) as error:
            raise DataError(f"emissions by fuel hold no numbers ({error}): correct them") from error
        lost = ~np.isfinite(numbers.to_numpy())
        if lost.any():
            row, column = np.argwhere(lost)[0]
            raise DataError(
                f"emissions of {some([numbers.index[row]])} by {numbers.columns[column]} are not "
                "finite: put a number there"
            )
        numbers.columns = numbers.columns.astype("str").rename("fuel")
        object.__setattr__(self, "emissions", numbers)
        for name in ("activity", "factor"):
            given = getattr(self, name)
            object.__setattr__(self, name, _by_fuel(given, numbers.columns, name))
            within = getattr(self, f"{name}_by")
            if within not in get_args(Within):
                raise DataError(
                    f"{name}_by={within!r} is not known: use 'node', 'region' or 'world'"
                )

    def shares(self, table: IOTable) -> Array:
        """Share of each fuel in the emissions of each node.

        Parameters
        ----------
        table : IOTable

        Returns
        -------
        array (n, f)
            In the order of the table's nodes, adding up to 1 at each; zero where nothing is
            emitted.

        Raises
        ------
        LabelError
            Nodes that are not the table's, or a stressor that is not in it or needs choosing.
        DataError
            Fuels that do not add up to the emissions in the table within `TOLERANCE` of them.
        """
        same_labels(self.emissions.index, table.nodes, "emissions by fuel", "the table's nodes")
        values = self.emissions.reindex(table.nodes).to_numpy()
        summed, stated = values.sum(axis=1), self._in_table(table)
        apart = np.abs(summed - stated) > TOLERANCE * np.abs(stated)
        if apart.any():
            worst = int(np.argmax(np.where(apart, np.abs(summed - stated), -1.0)))
            raise DataError(
                f"{some([table.nodes[worst]])} emits {stated[worst]:.6g} in {table.label} and "
                f"{summed[worst]:.6g} by fuel ({int(apart.sum())} such nodes): make the fuels add "
                "up, with a column for what is burnt in none",
                labels=[*table.nodes[apart]],
            )
        void = (summed == 0) & values.any(axis=1)
        if void.any():
            raise DataError(
                f"fuels of {some(table.nodes[void])} cancel to zero emissions: leave them out of "
                "the fuels and of the table, or book removals at a node of their own"
            )
        return np.divide(
            values, summed[:, None], out=np.zeros_like(values), where=summed[:, None] != 0
        )

    def parts(self, table: IOTable) -> list[tuple[Array, Positions | None]]:
        """Relative standard deviations of nodes' emissions, by independent part of the error.

        Parameters
        ----------
        table : IOTable

        Returns
        -------
        list of (array (n, f), array of int (n, f) or None)
            For activity, then for factors: what one standard deviation of a fuel's error moves a
            node's emissions by, relative to all its emissions [1]; and which of these share one
            deviate (None: all their own).

        Raises
        ------
        LabelError, DataError
            As `shares`.
        """
        share = self.shares(table)
        return [
            (share * sd, None if within == "node" else place)
            for sd, within, place in self.independent(table)
        ]

    def factors(self, table: IOTable, generator: np.random.Generator) -> Array:
        """Draw what the emissions of each node are multiplied with.

        Parameters
        ----------
        table : IOTable
        generator : numpy.random.Generator
            Deviates are taken in a fixed order: of activity, then of factors, fuel by fuel.

        Returns
        -------
        array (n,)
            With mean 1; 1 where nothing is emitted.

        Raises
        ------
        LabelError, DataError
            As `shares`.

        Examples
        --------
        >>> from carbonflows.table import two_regions
        >>> burnt = pd.DataFrame({"coal": [50.0, 20]}, two_regions().nodes)
        >>> fuels = FuelErrors(burnt, activity=0.0, factor=0.1)
        >>> drawn = fuels.factors(two_regions(), np.random.default_rng(1))
        >>> bool(drawn[0] == drawn[1])  # one factor for all
        True
        """
        return FuelSampler(self, table).factors(generator)

    def told(self) -> dict[str, Any]:
        """Describe the errors for provenance and keys, the emissions by their SHA-256.

        Returns
        -------
        dict
        """
        labels = [*map(list, self.emissions.index), list(self.emissions.columns)]
        told = hashlib.sha256(repr(labels).encode())
        told.update(np.ascontiguousarray(self.emissions.to_numpy(), dtype="<f8").tobytes())
        return {
            "on": self.on, "stressor": self.stressor, "emissions_by_fuel": told.hexdigest(),
            "activity": dict(self._sd("activity")), "activity_by": self.activity_by,
            "factor": dict(self._sd("factor")), "factor_by": self.factor_by,
        }  # fmt: skip

    def _sd(self, name: Literal["activity", "factor"]) -> dict[str, float]:
        """Relative standard deviations by fuel, in the order of the fuels."""
        given = getattr(self, name)
        assert isinstance(given, dict)  # since __post_init__
        return given

    def independent(self, table: IOTable) -> list[tuple[Array, Within, Positions]]:
        """Of activity and of factors: sd by fuel, who shares deviates, and which are whose."""
        return [
            (np.array(list(self._sd("activity").values())), self.activity_by,
             self._deviates(table, self.activity_by)),
            (np.array(list(self._sd("factor").values())), self.factor_by,
             self._deviates(table, self.factor_by)),
        ]  # fmt: skip

    def _deviates(self, table: IOTable, within: Within) -> Positions:
        """Position of the deviate of each node and fuel, shape (n, f)."""
        n, f = len(table.nodes), len(self.emissions.columns)
        group = {
            "node": np.arange(n), "region": table.node_region, "world": np.zeros(n, dtype=np.intp),
        }[within]  # fmt: skip
        groups = int(group.max(initial=0)) + 1
        return np.asarray(group[:, None] + groups * np.arange(f), dtype=np.intp)

    def _in_table(self, table: IOTable) -> Array:
        """Emissions of nodes that the fuels must add up to, shape (n,)."""
        chosen = chosen_stressors(table, self.stressor)
        if len(chosen) > 1:
            listed = some(f"{extension}/{name}" for extension, name in chosen)
            raise LabelError(
                f"emissions by fuel are of one stressor of {table.label}: choose stressor= from "
                f"{listed}"
            )
        ((extension, name),) = chosen
        return np.asarray(table.extensions[extension].F.loc[name].to_numpy(), dtype=float)


class FuelSampler:
    """Errors by fuel made ready to be drawn from one table many times.

    Parameters
    ----------
    errors : FuelErrors
    table : IOTable

    Raises
    ------
    LabelError, DataError
        Errors that do not fit the table; see `FuelErrors.shares`.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> burnt = pd.DataFrame({"coal": [40.0, 5], "gas": [10.0, 15]}, two_regions().nodes)
    >>> sampler = FuelSampler(FuelErrors(burnt, activity=0.1, factor=0.05), two_regions())
    >>> [sampler.factors(np.random.default_rng(seed)).round(3).tolist() for seed in (1, 2)]
    [[1.071, 0.951], [1.088, 0.877]]
    """

    def __init__(self, errors: FuelErrors, table: IOTable) -> None:
        self._share = errors.shares(table)
        self._silent = ~self._share.any(axis=1)
        self._parts = [
            (np.sqrt(np.log1p(sd**2)), np.log1p(sd**2) / 2, place, int(place.max(initial=-1)) + 1)
            for sd, _, place in errors.independent(table)
        ]

    def factors(self, generator: np.random.Generator) -> Array:
        """Draw what the emissions of each node are multiplied with, shape (n,)."""
        product = self._share.copy()
        for sigma, half, place, count in self._parts:
            product *= np.exp(sigma * generator.standard_normal(count)[place] - half)
        found = product.sum(axis=1)
        found[self._silent] = 1.0
        return np.asarray(found, dtype=float)


def _by_fuel(given: Deviations, fuels: pd.Index, what: str) -> dict[str, float]:
    """Check relative standard deviations and name each by its fuel."""
    if isinstance(given, Mapping):
        by_fuel = {str(fuel): value for fuel, value in given.items()}
    else:
        by_fuel = dict.fromkeys(map(str, fuels), given)
    same_labels(pd.Index(list(by_fuel)), fuels, f"{what} by fuel", "the fuels")
    for fuel, value in by_fuel.items():
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise DataError(f"{what} of {fuel} is {value!r}: give a relative standard deviation")
        if not (np.isfinite(value) and value >= 0):
            raise DataError(f"{what} of {fuel} is {value}: give a number from zero up")
    return {str(fuel): float(by_fuel[fuel]) for fuel in fuels}
