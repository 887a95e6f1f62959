"""Logarithmic mean Divisia index: changes of a product of factors, without orders or residual."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.accounts.emissions import partition, stated
from carbonflows.change.comparable import Prices, both_emissions, comparable
from carbonflows.change.vertices import people_of
from carbonflows.errors import DataError, ShapeError, some
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import block_sum


def lmdi_effects(factors0: npt.ArrayLike, factors1: npt.ArrayLike) -> Array:
    """Additive LMDI-I effect of each factor on the product of all, cell by cell.

    Parameters
    ----------
    factors0, factors1 : array-like (f, ...)
        Factors before and after, zero or positive; one row for each of f factors, any cells.

    Returns
    -------
    array (f, ...)
        Effects; they sum over factors to the change of the product.

    Raises
    ------
    ShapeError
        Factors of different shapes, or none.
    DataError
        A factor that is negative or not finite.

    Notes
    -----
    ``L(V1, V0) ln(f1 / f0)`` with the logarithmic mean ``L(a, b) = (a − b) / ln(a / b)``. Zeros by
    their analytical limits: where the product rises from zero, or falls to it, the factors that are
    zero there share the change equally and the others have none (Ang and Liu 2007).

    References
    ----------
    Ang and Liu 2007, Energy Policy 35:238; Ang 2015, Energy Policy 86:233.

    Examples
    --------
    >>> lmdi_effects([2.0, 3.0], [4.0, 3.0]).round(12).tolist()
    [6.0, 0.0]
    >>> lmdi_effects([0.0, 3.0], [4.0, 5.0]).tolist()
    [20.0, 0.0]
    """
    old, new = np.asarray(factors0, dtype=float), np.asarray(factors1, dtype=float)
    if old.shape != new.shape or old.ndim == 0 or len(old) == 0:
        raise ShapeError(
            f"factors have shapes {old.shape} and {new.shape}: give the same factors for both years"
        )
    for when, given in (("before", old), ("after", new)):
        if not np.isfinite(given).all():
            raise DataError(f"a factor {when} is not finite: fill or drop it on purpose first")
        if (given < 0).any():
            raise DataError(
                f"a factor {when} is negative ({given.min():g}), which has no logarithm: use the "
                "structural decomposition, decompose(before, after)"
            )
    products = old.prod(axis=0), new.prod(axis=0)
    lived = (old > 0).all(axis=0), (new > 0).all(axis=0)
    both = lived[0] & lived[1]
    logs = np.log(np.where(both, new, 1.0)) - np.log(np.where(both, old, 1.0))
    effects = np.asarray(np.where(both, logarithmic_mean(*products), 0.0) * logs)
    for given, product, sign, lives in (
        (old, products[1], 1.0, lived[1] & ~lived[0]),
        (new, products[0], -1.0, lived[0] & ~lived[1]),
    ):
        zero = (given == 0) & lives
        effects += sign * np.where(zero, product / np.maximum(zero.sum(axis=0), 1), 0.0)
    return effects


def logarithmic_mean(a: npt.ArrayLike, b: npt.ArrayLike) -> Array:
    """``(a − b) / ln(a / b)``, a where both are equal, zero where one is zero.

    Parameters
    ----------
    a, b : array-like
        Zero or positive, of one shape.

    Returns
    -------
    array

    Examples
    --------
    >>> logarithmic_mean([1.0, 2.0, 0.0], [np.e, 2.0, 3.0]).round(6).tolist()
    [1.718282, 2.0, 0.0]
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    positive = (first > 0) & (second > 0)
    low = np.where(positive, np.minimum(first, second), 1.0)
    # low · r / ln(1 + r) with r the relative distance: no digits are lost where both are near
    r = (np.where(positive, np.maximum(first, second), 1.0) - low) / low
    mean = low * np.divide(r, np.log1p(r), out=np.ones_like(r), where=r > 0)
    return np.where(positive, mean, 0.0)


def lmdi(
    before: Leontief,
    after: Leontief,
    stressor: str | Sequence[str] | None = None,
    *,
    population: tuple[pd.Series, pd.Series] | None = None,
    grouping: Grouping | None = None,
    prices: Prices = "same",
    households: bool | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Split the change in territorial emissions into intensity, structure and activity.

    Parameters
    ----------
    before, after : Leontief
    stressor : str or sequence of str, optional
        See `emissions`.
    population : tuple of two Series, index region, optional
        People before and after. With it, ``activity`` is output per head.
    grouping : Grouping, optional
        Groups instead of regions in the rows; effects are those of the regions, summed.
    prices : {"same", "mixed"}
        See `comparable`.
    households : bool, optional
        Include direct emissions of final users (default).
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, index ``region``
        ``intensity`` (emissions per output of sectors), ``structure`` (shares of sectors in the
        region's output), ``activity`` (its output), with population ``population``, ``direct`` and
        ``change``, their sum [emission unit]. ``attrs["caveat"]`` says what prices do.

    Raises
    ------
    LabelError, UnitError
        See `comparable`.
    DataError
        Negative emissions or output: use `decompose`.

    Notes
    -----
    ``E = Σ_i k_i (x_i / X) X``, additive LMDI-I. No supply chains: who consumes plays no part.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> old = two_regions()
    >>> new = old.replace(Y=old.Y * 2, Z=old.Z * 2)
    >>> lmdi(Leontief(old), Leontief(new)).loc["A"].round(3).tolist()
    [-34.657, 0.0, 34.657, 0.0, 0.0]
    """
    after, caveat = comparable(before, after, prices=prices)
    tables = before.table, after.table
    loads = both_emissions(*tables, stressor, households=households, unit=unit)
    people = people_of(population, tables[0].regions)
    where, m = tables[0].node_region, len(tables[0].regions)
    cells = []
    for year, (table, load) in enumerate(zip(tables, loads, strict=True)):
        x = table.x.to_numpy()
        for what, given in (("emissions", load.production), ("output", x)):
            if (given < 0).any():
                bad = table.nodes[given < 0]
                verb = "are" if what == "emissions" else "is"
                raise DataError(
                    f"{what} of {some(bad)} in {table.label} {verb} negative, and a negative "
                    "number has no logarithm: use the structural decomposition, decompose(before, "
                    "after), or aggregate these sectors with larger ones",
                    labels=list(bad), negative=f"{what} of {some(bad)} in {table.label} {verb}",
                )  # fmt: skip
        total = block_sum(x, where, m, axis=0)[where]
        share = np.divide(x, total, out=np.zeros_like(x), where=total > 0)
        factors = [load.per_output(table), share, total]
        if people is not None:
            heads = people[year][where]
            factors[2:] = [total / heads, heads]
        cells.append(np.stack(factors))
    part = partition(tables[0], grouping)
    effects = part.by_node(lmdi_effects(*cells), axis=1)
    names = ["intensity", "structure", "activity", "population"][: len(effects)]
    frame = pd.DataFrame(effects.T, part.labels.rename("region"), names)
    ends = [part.by_node(e.orphaned) + part.by_region(e.final) for e in loads]
    made = [part.by_node(e.production) for e in loads]
    frame["direct"] = ends[1] - ends[0]
    frame["change"] = made[1] - made[0] + frame["direct"]
    frame = stated(frame, after, loads[1], part, "change of territorial emissions, by factor")
    frame.attrs |= {
        "table": f"{tables[0].label} to {tables[1].label}",
        "method": "LMDI-I",
        "caveat": caveat,
    }
    return frame
