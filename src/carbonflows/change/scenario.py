"""What if: edits of a table as pure functions, each recorded in the new table's provenance.

Edits change flows at the table's own output; the new system is then solved, ``x = L y``, and
emissions follow output at constant intensities. Emissions of final users stay as they are, and so
does a row residual where output does not come from rows. What a node saves on inputs, or spends
more on them, is added to or taken from its value added, prices being constant.
"""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.accounts.footprint import row_residual
from carbonflows.errors import DataError, LabelError, SingularSystem, some, suggested
from carbonflows.extension import Extension
from carbonflows.labels import DEMAND, Array, conform
from carbonflows.solve import Leontief
from carbonflows.table import IOTable

Values: TypeAlias = float | pd.Series | Mapping[Any, float]
ANY = "*"
"""Stands for every product, region or sector in the keys of `with_technology`."""


def with_intensity(
    table: IOTable, factors: Values, *, stressor: str | Sequence[str] | None = None
) -> IOTable:
    """Multiply the emissions per output of some nodes.

    Parameters
    ----------
    table : IOTable
    factors : float, Series or mapping
        One factor [1], or factors by region, sector or node ``(region, sector)``; nodes that are
        not named keep their intensity.
    stressor : str or sequence of str, optional
        Which stressors, in every extension that has them; may be left out if there is just one.

    Returns
    -------
    IOTable
        Same flows; emissions of nodes [unit as before] times their factors. Emissions of final
        users stay as they are.

    Raises
    ------
    LabelError
        Unknown names, or a stressor must be chosen.
    DataError
        Factors that are negative or not finite.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> with_intensity(two_regions(), {"A": 0.5}).extensions["emissions"].F.loc["CO2"].tolist()
    [25.0, 20.0]
    """
    scale = by_label(factors, table, "factors", otherwise=1.0)
    known = [s for e in table.extensions.values() for s in e.stressors]
    if stressor is None and len(known) != 1:
        raise LabelError(
            f"{table.label} has {len(known)} stressors: choose one or some of {some(known, 8)}"
        )
    if not isinstance(stressor, str | Sequence | None):
        raise DataError(f"stressor={stressor!r} is no name: choose one or some of {some(known, 8)}")
    names = known if stressor is None else [stressor] if isinstance(stressor, str) else stressor
    if lost := [name for name in names if name not in known]:
        way_out = suggested(lost, known, f"choose from {some(known, 8)}")
        raise LabelError(f"stressor {some(lost)} is not in {table.label}: {way_out}", labels=lost)
    if not len(names):
        raise LabelError(f"no stressor named: choose one or some of {some(known, 8)}")
    changed = []
    for e in table.extensions.values():
        F = e.F.copy()
        chosen = [s for s in e.stressors if s in names]
        F.loc[chosen] *= scale
        changed.append(_extension(e, F))
    step = {"edit": "with_intensity", "factors": told(factors), "stressors": list(names)}
    return table.replace(extensions=changed, provenance=_stepped(table, step))


def with_demand(table: IOTable, demand: Values | pd.DataFrame) -> IOTable:
    """Multiply or replace final demand.

    Parameters
    ----------
    table : IOTable
    demand : float, Series, mapping or DataFrame
        One factor [1]; factors by consuming region, category, product (sector) or column
        ``(region, category)``, those not named staying as they are; or a new final demand
        (n, m·q) with the table's labels [money/yr].

    Returns
    -------
    IOTable
        Of output ``x = L y`` [money/yr], emissions following it at constant intensities.

    Raises
    ------
    LabelError
        Unknown names, or labels of another table.
    DataError
        Factors that are negative or not finite; demand for what no node makes.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> with_demand(two_regions(), 2.0).x.round(9).tolist()
    [200.0, 200.0]
    """
    if isinstance(demand, pd.DataFrame):
        Y = conform(demand, table.nodes, table.demand, "Y", DEMAND, copy=True).to_numpy()
        return solved(table, {"edit": "with_demand", "Y": "replaced"}, Y=Y)
    levels = {
        "region": table.demand.get_level_values("region"),
        "category": table.demand.get_level_values("category"),
    }
    products = {"sector": table.nodes.get_level_values("sector")}
    if (level := _level(demand, levels | products, "demand")) == "sector":
        Y = table.Y.to_numpy() * _filled(demand, products["sector"], "demand", 1.0)[:, None]
    else:
        Y = table.Y.to_numpy() * _filled(demand, levels.get(level, table.demand), "demand", 1.0)
    return solved(table, {"edit": "with_demand", "factors": told(demand), "by": level}, Y=Y)


def with_technology(
    table: IOTable, factors: Mapping[tuple[str, str, str], float] | pd.Series
) -> IOTable:
    """Multiply inputs per output of some nodes.

    Parameters
    ----------
    table : IOTable
    factors : mapping or Series
        Factors [1] by ``(input product, using region, using sector)``, applied to the product from
        every origin; ``"*"`` stands for all. No input may be named twice.

    Returns
    -------
    IOTable
        Of output ``x = L y`` [money/yr], emissions following it at constant intensities.
        ``value_added``, where the table has it, takes up the difference in costs; nodes where it
        turns negative are listed in the provenance.

    Raises
    ------
    LabelError
        Unknown names, or an input named twice.
    DataError
        Factors that are negative or not finite.
    SingularSystem
        The new technology is not productive.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> new = with_technology(two_regions(), {("goods", "A", "goods"): 0.5})
    >>> (new.Z / new.x).round(3).to_numpy().tolist()
    [[0.1, 0.1], [0.15, 0.4]]
    """
    given = pd.Series(factors, dtype=object)
    if given.empty or given.index.nlevels != 3:
        raise LabelError(
            "factors must be keyed (input product, using region, using sector): "
            f"give three names, {ANY!r} for all"
        )
    regions, sectors = (table.nodes.get_level_values(level) for level in ("region", "sector"))
    scale, hit = np.ones((len(table.nodes),) * 2), np.zeros((len(table.nodes),) * 2, dtype=bool)
    key: Any
    for key, factor in given.items():
        product, region, sector = key
        rows = _matching(sectors, product, table, "sector")
        columns = _matching(regions, region, table, "region")
        columns = columns & _matching(sectors, sector, table, "sector")
        cells = np.outer(rows, columns)
        if not columns.any():
            raise LabelError(f"{some([(region, sector)])} is no node of {table.label}: name one")
        if (hit & cells).any():
            raise LabelError(f"{some([key])} names an input a second time: name each once")
        hit |= cells
        scale[cells] = number(factor, f"factor of {some([key])}")
    step = {"edit": "with_technology", "factors": told(given)}
    return solved(table, step, Z=table.Z.to_numpy() * scale)


def by_label(values: Any, table: IOTable, what: str, *, otherwise: float) -> Array:
    """Spread numbers by region, sector or node over the nodes of a table.

    Parameters
    ----------
    values : float, Series or mapping
        Non-negative.
    table : IOTable
    what : str
        What they are, for messages.
    otherwise : float
        Value of nodes that are not named.

    Returns
    -------
    array (n,)

    Raises
    ------
    LabelError
        Unknown or repeated names, or names that are both regions and sectors.
    DataError
        Values that are negative or no finite numbers.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> by_label({"B": 2}, two_regions(), "factors", otherwise=1.0).tolist()
    [1.0, 2.0]
    """
    levels = {level: table.nodes.get_level_values(level) for level in ("region", "sector")}
    level = _level(values, levels, what, table.nodes)
    place = levels.get(level, table.nodes)
    return np.broadcast_to(_filled(values, place, what, otherwise), len(table.nodes)).copy()


def number(value: Any, what: str, *, signed: bool = False) -> float:
    """Return a finite number, not negative unless `signed`; raise DataError otherwise."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise DataError(f"{what} is {value!r}: give a number")
    found = float(value)
    if not np.isfinite(found) or (found < 0 and not signed):
        allowed = "a finite number" if signed else "a finite number from 0 up"
        raise DataError(f"{what} is {value}: give {allowed}")
    return found


def told(value: Any) -> Any:
    """Return a value as provenance keeps it: plain numbers, texts, lists and mappings."""
    if isinstance(value, pd.Series):
        value = value.to_dict()
    if isinstance(value, Mapping):
        return {some([key]): told(v) for key, v in value.items()}
    if isinstance(value, str) or value is None:
        return value
    return float(value) if isinstance(value, Real) else [str(v) for v in value]


def solved(
    table: IOTable, step: dict[str, Any], *, Z: Array | None = None, Y: Array | None = None
) -> IOTable:
    """Return the table of the system with other inputs, at the old output, or final demand."""
    old = table.x.to_numpy()
    residual = row_residual(Leontief(table))
    flows = table.replace(
        Z=table.Z if Z is None else pd.DataFrame(Z, table.nodes, table.nodes),
        Y=table.Y if Y is None else pd.DataFrame(Y, table.nodes, table.demand),
        output="given", x=table.x,
    )  # fmt: skip
    system = Leontief(flows)
    Z, final = flows.Z.to_numpy(), system.final_use.sum(axis=1) + residual
    _refuse_makers(table, system, final)
    try:
        x = system.outputs(final).values
    except SingularSystem as error:
        raise SingularSystem(f"{step['edit']}: {error}; ask for a smaller change") from error
    ratio = np.divide(x, old, out=np.ones_like(x), where=~system.idle)
    Z = Z * ratio
    changes: dict[str, Any] = {"x": None}
    if table.output != "rows":
        changes["x"] = pd.Series(x, table.nodes)
        changes["output"] = "given"
        step = step | {"row_residual": "as before"}
    if table.value_added is not None:
        saved = table.Z.to_numpy().sum(axis=0) - flows.Z.to_numpy().sum(axis=0)
        added = (table.value_added + np.where(system.idle, 0.0, saved)) * ratio
        changes["value_added"] = added
        turned = (added < -1e-12 * np.abs(x)) & (table.value_added >= 0)  # beyond the last bits
        step = step | {"negative_value_added": [some([i]) for i in added.index[turned]]}
    step = step | {"output": "x = L y of the new system", "intensities": "constant"}
    return table.replace(
        Z=pd.DataFrame(Z, table.nodes, table.nodes), Y=flows.Y,
        extensions=[_extension(e, e.F * ratio) for e in table.extensions.values()],
        provenance=_stepped(table, step), **changes,
    )  # fmt: skip


def _refuse_makers(table: IOTable, system: Leontief, final: Array) -> None:
    """Raise where something is bought from a node that makes nothing."""
    asked = (final != 0) | (system.sales_by_region != 0).any(axis=1)
    if silent := list(table.nodes[system.idle & asked]):
        raise DataError(
            f"{some(silent)}: nothing is made there, so its inputs are not known: buy elsewhere",
            labels=silent,
        )


def _extension(old: Extension, F: pd.DataFrame) -> Extension:
    """Return an extension with other emissions of nodes."""
    unit = {str(s): str(u) for s, u in old.unit.items()}
    F_Y = old.F_Y if old.has_final else None
    return Extension(F, F_Y, unit=unit, name=old.name, source=old.source)


def _stepped(table: IOTable, step: dict[str, Any]) -> dict[str, Any]:
    """Return the table's provenance with one more step."""
    provenance = table.provenance
    return provenance | {"steps": [*provenance.get("steps", []), step]}


def _matching(labels: pd.Index, name: Any, table: IOTable, what: str) -> Any:
    """Where a label is met; everywhere for any."""
    if name == ANY:
        return np.ones(len(labels), dtype=bool)
    known = labels.unique()
    if name not in known:
        way_out = suggested([name], known, f"choose from {some(known, 12)}")
        raise LabelError(f"{what} {name!r} is not in {table.label}: {way_out}", labels=[name])
    return np.asarray(labels == name)


def _level(
    values: Any, levels: Mapping[str, pd.Index], what: str, pairs: pd.Index | None = None
) -> str:
    """Return which labels values are given by: one of the levels, ``pair``, or ``all``."""
    if not isinstance(values, pd.Series | Mapping):
        return "all"
    index = pd.Series(values, dtype=object).index
    if not len(index):
        raise LabelError(f"{what} names nothing: give one number, or some by name")
    if twice := list(index[index.duplicated()].unique()):
        raise LabelError(f"{what}: {some(twice)} occurs twice; name it once", labels=twice)
    if index.nlevels > 2:
        raise LabelError(f"{what}: {some(index)} not known; name one label, or a pair of them")
    if index.nlevels == 2:
        return "pair"
    if index.name in levels:
        return str(index.name)
    fits = [level for level, known in levels.items() if index.isin(known).all()]
    if len(fits) > 1:
        raise LabelError(
            f"{what}: {some(index)} may be {' or '.join(fits)}; give a Series and name its index"
        )
    if fits:
        return fits[0]
    known = list(dict.fromkeys(name for labels in levels.values() for name in labels))
    if unknown := [name for name in index if name not in known]:
        way_out = suggested(unknown, known, f"choose from {some(known, 12)}")
        raise LabelError(f"{what}: {some(unknown)} not known; {way_out}", labels=unknown)
    raise LabelError(f"{what}: {some(index)} are not all of one kind; edit by one after the other")


def _filled(values: Any, labels: pd.Index, what: str, otherwise: float) -> Array:
    """Lay values out along labels; one number for all, or those named and the others."""
    if not isinstance(values, pd.Series | Mapping):
        return np.full(len(labels), number(values, what))
    given = pd.Series(values, dtype=object)
    unknown = given.index[~given.index.isin(labels)]
    if len(unknown):
        names = [some([x]) for x in labels.unique()]
        way_out = suggested([some([x]) for x in unknown], names, f"choose from {some(names, 12)}")
        raise LabelError(f"{what}: {some(unknown)} not known; {way_out}", labels=list(unknown))
    found = {key: number(v, f"{what} of {some([key])}") for key, v in given.items()}
    return np.array([found.get(label, otherwise) for label in labels], dtype=float)
