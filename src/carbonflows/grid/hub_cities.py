"""Cities of hubs: which ones a hub covers, and names of hubs that no two have."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import LabelError, some
from carbonflows.labels import Array, repeated

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from carbonflows.grid.coverage import Coverage

_BETWEEN = "; "
"""Between names of cities, which may have commas in them."""


def hub_cities(
    members: "csr_array",
    emissions: Array,
    cells: npt.NDArray[np.int64],
    land: Array,
    cities: "Coverage",
    names: pd.Series | None,
    most: int,
) -> pd.DataFrame:
    """Return the cities that each hub covers, the largest emitter inside of it first.

    Parameters
    ----------
    members : sparse array (hubs, k)
        Which of the hubs' cells belong to each.
    emissions : array (k,)
        Of these cells, none below zero [unit].
    cells : array of int (k,)
        Which cells of the grid they are.
    land : array (k,)
        Fraction of each cell that its emissions lie on.
    cities : Coverage
    names : Series, optional
        By code; the codes by default.
    most : int
        Cities to name for a hub at most.

    Returns
    -------
    DataFrame (hubs, 4)
        By hub number: ``name`` of the largest, ``cities``, ``city_codes`` and ``in_cities``, the
        share of the hub's emissions inside of any.

    Raises
    ------
    LabelError
        Cities without a name, or with the same.

    Examples
    --------
    A coastal cell, half land, of which a city has the western half:

    >>> from geopandas import GeoDataFrame
    >>> from scipy.sparse import csr_array
    >>> from shapely import box
    >>> from carbonflows.grid.coverage import coverage
    >>> from carbonflows.raster import Grid
    >>> city = GeoDataFrame(index=["01"], geometry=[box(0, 0, 0.5, 1)], crs="EPSG:4326")
    >>> inside = coverage(Grid("EPSG:4326", 0, 1, 1, 1, 1, 1), city)
    >>> cell = (csr_array([[1.0]]), np.array([8.0]), np.array([0]))
    >>> hub_cities(*cell, np.array([1.0]), inside, None, 5).to_numpy().tolist()
    [['01', '01', '01', 0.5]]
    >>> hub_cities(*cell, np.array([0.5]), inside, None, 5).to_numpy().tolist()
    [['01', '01', '01', 1.0]]
    """
    codes = cities.labels.astype(str)
    called = np.asarray(codes if names is None else _called(names, codes))
    covered = cities.land.ravel()[cells]
    whole = np.maximum(land, covered)
    on_land = np.divide(emissions, whole, out=np.zeros(len(whole)), where=whole > 0)
    inside = (members @ (cities.matrix[cells] * on_land[:, None])).tocsr()
    rows = []
    for i in range(inside.shape[0]):
        span = slice(inside.indptr[i], inside.indptr[i + 1])
        city, held = inside.indices[span], inside.data[span]
        city = city[held > 0][np.lexsort((city[held > 0], -held[held > 0]))]
        listed = called[city]
        name = listed[0] if len(city) else ""
        rows.append((name, _BETWEEN.join(listed[:most]), _BETWEEN.join(codes[city])))
    made = pd.DataFrame(
        rows,
        columns=["name", "cities", "city_codes"],
        index=pd.RangeIndex(1, len(rows) + 1, name="hub"),
    )
    total = members @ emissions
    made["in_cities"] = np.divide(
        members @ (on_land * covered), total, out=np.full(len(total), np.nan), where=total > 0
    )
    return made


def numbered(names: pd.Series) -> list[str]:
    """Return names that no two have: the second of a name is (2).

    Parameters
    ----------
    names : Series of str

    Returns
    -------
    list of str

    Examples
    --------
    >>> numbered(pd.Series(["Elbarith", "Sol", "Elbarith", "Elbarith (2)"]))
    ['Elbarith', 'Sol', 'Elbarith (3)', 'Elbarith (2)']
    """
    made: list[str] = []
    for name in names:
        other, number = name, 1
        while other in made or (number > 1 and other in set(names)):
            number += 1
            other = f"{name} ({number})"
        made.append(other)
    return made


def _called(names: pd.Series, codes: pd.Index) -> pd.Series:
    """Return names of cities in the order of their codes, no two alike."""
    by_code = names.set_axis(names.index.astype(str))
    if twice := repeated(by_code.index):
        raise LabelError(f"codes of cities {some(twice)} have two names: keep one of each")
    if missing := [code for code in codes if code not in by_code.index]:
        raise LabelError(f"cities {some(missing)} have no name: add them to names")
    called = by_code.loc[codes].astype(str)
    if alike := repeated(called):
        raise LabelError(
            f"several cities are called {some(alike)}: tell them apart, as 'Suzhou (Anhui)'"
        )
    return called
