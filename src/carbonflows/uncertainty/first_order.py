"""Standard deviations of accounts without draws: errors carried to first order, exactly derived.

With output from rows, ``p = e (x̂ − Z)`` and ``CBA_s = e F_s``. Differentiating both gives, with
``φ_si = (L F_s)_i / x_i`` the share of node i's output that ends in the final use of s::

    dCBA_s = Σ_i φ_si dp_i + Σ_ij e_i (φ_sj − φ_si) dz_ij
             + Σ_ic e_i ([c of s] − φ_si) dy_ic + dp^Y_s

Nodes without output fit in with φ_si = [i of s]: their emissions are direct ones of their region,
and what they buy is its final use.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.accounts.emissions import Emissions, Partition, emissions, partition, stated
from carbonflows.accounts.flows import embodied
from carbonflows.errors import DataError
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable
from carbonflows.uncertainty.cells import Positions, chosen_stressors
from carbonflows.uncertainty.fuels import FuelErrors
from carbonflows.uncertainty.mixed_rows import MixedRows
from carbonflows.uncertainty.model import Error

AnyError: TypeAlias = Error | FuelErrors
QUANTITIES = ("production", "consumption", "net_exports")


def first_order(
    table: IOTable,
    errors: AnyError | Sequence[AnyError],
    *,
    stressor: str | Sequence[str] | None = None,
    grouping: Grouping | None = None,
    households: bool | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Standard deviations of production, consumption and net exports, to first order.

    Parameters
    ----------
    table : IOTable
    errors : sequence of Error or FuelErrors, or one of them
        Independent sources of error; several on the same cells add up.
    stressor : str or sequence of str, optional
        See `carbonflows.emissions`.
    grouping : Grouping, optional
        Report groups instead of regions.
    households : bool, optional
        Include direct emissions of final users (default).
    unit : str, optional
        See `carbonflows.emissions`.

    Returns
    -------
    DataFrame, index ``(quantity, region)``
        For ``production``, ``consumption`` and ``net_exports`` as `carbonflows.footprint` has them
        (with output from rows production less consumption; with a variance of its own):
        ``value`` and ``sd`` [`unit`], ``cv`` (sd per absolute value) [1], and
        for each error its share of the variance [1], ``share_<what it is on>``, numbered where
        several errors are on the same. Shares add up to 1; NaN where there is no variance.

    Raises
    ------
    DataError
        No errors; errors on inputs or demand in a table whose output is not the sum of its rows.
    LabelError, UnitError
        See `carbonflows.emissions`; an error on a stressor that is not in the table.

    Notes
    -----
    The variance is that of the linearised account, exact where only emissions err and cells that
    share a deviate have one relative standard deviation. Covariances of cells i and j that share
    one are taken as ``s_i s_j``, of which lognormal ones differ by terms of fourth order.

    Negative cells of a row follow its positive ones, and a row that adds up to nothing has no
    errors, as in `drawn_table`. With c a negative cell and P the sum of the positive ones, c adds
    ``(c / P_i) dCBA_s/dc`` to the gradient of each positive cell of its row.

    References
    ----------
    Bullard and Sebald 1988, Rev. Econ. Stat. 70:708; Heijungs and Lenzen 2014, Int. J. Life Cycle
    Assess. 19:1445.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> from carbonflows.uncertainty.model import Error
    >>> found = first_order(two_regions(), [Error("emissions", 0.1), Error("inputs", 0.2)])
    >>> found.loc["consumption", ["value", "sd"]].round(3)  # φ_A = (31/45, 23/45)
             value     sd
    region
    A       44.667  3.638
    B       25.333  1.925
    """
    listed = [errors] if isinstance(errors, Error | FuelErrors) else list(errors)
    _require_covered(table, listed)
    load = emissions(table, stressor, households=households, unit=unit)
    by = partition(table, grouping)
    system = Leontief(table)
    account = _Account(system, load, by)
    variances = [
        account.of_flows(error)
        if error.on in ("inputs", "demand")
        else account.of_amounts(error, _amounts(table, error, stressor, load))
        for error in listed
    ]  # each (quantities, regions)
    total = np.sum(variances, axis=0).ravel()
    index = pd.MultiIndex.from_product([QUANTITIES, by.labels], names=["quantity", "region"])
    frame = pd.DataFrame({"value": account.values().ravel(), "sd": np.sqrt(total)}, index)
    size = frame["value"].abs()
    frame["cv"] = frame["sd"] / size.where(size != 0)
    for name, variance in zip(_names(listed), variances, strict=True):
        frame[name] = variance.ravel() / np.where(total == 0, np.nan, total)
    frame = stated(frame, system, load, by, "accounts and their errors to first order")
    frame.attrs["errors"] = [error.told() for error in listed]
    return frame


class _Account:
    """Values and gradients of one table's accounts."""

    def __init__(self, system: Leontief, load: Emissions, by: Partition) -> None:
        self.system, self.load, self.by = system, load, by
        self.groups = range(len(by.labels))
        required = by.by_region(system.output_by_region, axis=1).T
        self.home = _members(by.node, by)
        self.buyers = _members(by.region[system.table.demand_region], by)
        self.ends = np.where(system.idle, self.home, required * system.per_output)
        self.mixed = MixedRows.of(system.table)
        self.total = embodied(system, load)  # e, zero for nodes without output
        self.caused = by.by_region(self.total @ system.final_use)

    def values(self) -> Array:
        """Accounts as they are, shape (3, regions)."""
        direct = self.by.by_region(self.load.final) + self.by.by_node(self.load.orphaned)
        produced = self.by.by_node(self.load.production)
        driven = self.by.by_node(self.load.production * self.ends.sum(axis=0))
        return np.stack([produced + direct, self.caused + direct, driven - self.caused])

    def of_amounts(self, error: AnyError, amounts: Array) -> Array:
        """Variance due to one error of emissions, of nodes or final users, shape (3, regions)."""
        if error.on == "households":
            home = ends = driven = self.buyers
        else:
            home, ends = self.home, self.ends
            driven = home * ends.sum(axis=0)  # all of it with output from rows
        found = np.zeros((3, len(self.groups)))
        for relative, shared in _parts(error, self.system.table):
            known = (amounts * relative.T).T  # (cells,) or (cells, fuels)
            for quantity, gradient in enumerate((home, ends, driven - ends)):
                for g in self.groups:
                    found[quantity, g] += _variance((gradient[g] * known.T).T, shared)
        return found

    def of_flows(self, error: AnyError) -> Array:
        """Variance due to one error of inputs or final demand, shape (3, regions)."""
        table = self.system.table
        inputs = error.on == "inputs"
        flows, used = (table.Z, self.ends) if inputs else (table.Y, self.buyers)
        mixed = self.mixed
        drawn = mixed.drawn(flows.shape, mixed.Z if inputs else mixed.Y)
        found = np.zeros((3, len(self.groups)))
        for relative, shared in _parts(error, table):
            known = flows.to_numpy() * relative
            known *= self.total[:, None]
            known *= drawn
            work = np.empty_like(known)
            for g in self.groups:  # one array of this size at a time
                own = self.ends[g]
                seller = own - mixed.following(own, self.buyers[g], own)
                np.subtract(used[g], seller[:, None], out=work)
                work *= known
                found[1:, g] += _variance(work, shared)
        return found


def _members(position: Positions, by: Partition) -> Array:
    """One where a position is that of a region, else zero, shape (regions, positions)."""
    return np.equal.outer(np.arange(len(by.labels)), position).astype(float)


def _parts(error: AnyError, table: IOTable) -> list[tuple[Array, Positions | None]]:
    """Relative standard deviations with what they share, per independent part of an error."""
    if isinstance(error, FuelErrors):
        return error.parts(table)
    return [(error.relative(table), error.shared(table))]


def _variance(deviations: Array, shared: Positions | None) -> float:
    """Variance of a sum of deviations, of which some are one and the same."""
    flat = deviations.ravel()
    if shared is not None:
        flat = np.asarray(np.bincount(shared.ravel(), weights=flat), dtype=float)
    return float(flat @ flat)


def _amounts(
    table: IOTable, error: AnyError, stressor: str | Sequence[str] | None, load: Emissions
) -> Array:
    """Emissions of the account that an error is on, by node or final demand column."""
    names = [stressor] if isinstance(stressor, str) else stressor
    found = np.zeros(len(table.demand if error.on == "households" else table.nodes))
    for home, name in chosen_stressors(table, error.stressor, error.on):
        if names is not None and name not in names and f"{home}/{name}" not in names:
            continue
        extension = table.extensions[home]
        amounts = extension.F if error.on == "emissions" else extension.F_Y
        if amounts is not None and (error.on == "emissions" or load.households):
            row = amounts.to_numpy()[extension.stressors.index(name)]
            found += units.factor(str(extension.unit[name]), load.unit) * row
    return found


def _names(errors: Sequence[AnyError]) -> list[str]:
    """Name each error by what it is on, numbered where several are on the same."""
    places = [error.on for error in errors]
    return [
        f"share_{on}" + (f"_{places[: i + 1].count(on)}" if places.count(on) > 1 else "")
        for i, on in enumerate(places)
    ]


def _require_covered(table: Any, errors: Sequence[AnyError]) -> None:
    """Raise unless the derivation holds for this table and these errors."""
    if not isinstance(table, IOTable):
        raise DataError(f"a {type(table).__name__} is no table: give an IOTable")
    if not errors:
        raise DataError("no errors were given: name at least one source of error")
    for error in errors:
        if not isinstance(error, Error | FuelErrors):
            raise DataError(f"a {type(error).__name__} is no source of error: give Error(…)")
    flows = [error.on for error in errors if error.on in ("inputs", "demand")]
    if not flows:
        return
    if table.output != "rows":
        raise DataError(
            f"{table.label} has output={table.output!r}, so that errors of {flows[0]} do not "
            "reach its output: use replace(output='rows') first"
        )
