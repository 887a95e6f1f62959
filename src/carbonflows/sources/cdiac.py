"""CDIAC's gridded fossil-fuel emissions: one degree, one value a line (NDP-058)."""

import gzip
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from carbonflows.errors import GridError, SourceError
from carbonflows.labels import Array
from carbonflows.raster import Grid
from carbonflows.sources.files import pick_year
from carbonflows.sources.numbers import number_block

if TYPE_CHECKING:
    from xarray import DataArray

_NAME = re.compile(r"gridcar\.(\d{4})(\.gz|\.Z)?$")
_CARBON = 44 / 12


def read_cdiac(path: str | Path, year: int | None = None, *, carbon: bool = True) -> "DataArray":
    """Return the emissions of one year on cells of one degree.

    Parameters
    ----------
    path : str or Path
        A ``gridcar.yyyy`` file, plain or gzipped, or the folder of several.
    year : int, optional
        Which one, where the folder has several.
    carbon : bool
        Keep the mass of carbon that the file has; otherwise CO2, 44/12 times as much.

    Returns
    -------
    DataArray (lat, lon) of shape (180, 360)
        Amounts per cell [Mt C; Mt CO2 without `carbon`]. One Tg C is one Mt C.

    Raises
    ------
    SourceError
        No such file or year, a file that is cut off, too long or damaged.
    DataError
        A line that is no number.
    GridError
        Negative cells, or more mass south of the equator than north of it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "gridcar.2007"
    >>> _ = path.write_text(" 0.000000E+00\\n" * 64799 + " 0.000000E+00\\n")
    >>> read_cdiac(path)
    Traceback (most recent call last):
    ...
    carbonflows.errors.GridError: gridcar.2007 has no cell above 0: get it again
    """
    path = Path(path)
    if path.is_dir():
        there: dict[int, Path] = {}
        for one in sorted(path.iterdir(), reverse=True):  # of two, the plain one
            if named := _NAME.match(one.name):
                there[int(named[1])] = one
        if not there:
            raise SourceError(f"{path} has no file like gridcar.2007: name the right folder")
        year = pick_year(there, year, str(path))
        path = there[year]
    named = _NAME.match(path.name)
    if named and year not in (None, int(named[1])):
        raise SourceError(f"{path} is of {named[1]}, not {year}: name the file of that year")
    if named:
        year = int(named[1])
    grid = Grid.lonlat(1)
    values = _values(path, grid)
    below = values < 0
    if below.any():
        raise GridError(
            f"{path.name}: {int(below.sum())} negative cells, together "
            f"{float(values[below].sum()):.6g} Tg C; emissions are not: get it again"
        )
    total = float(values.sum())
    if not total > 0:
        raise GridError(f"{path.name} has no cell above 0: get it again")
    south = float(values[len(values) // 2 :].sum()) / total
    if south > 0.5:
        raise GridError(
            f"{path.name} has {south:.0%} of its emissions south of the equator: its lines run "
            "from the south; get it again"
        )
    treated = [] if carbon else ["Mt C × 44/12"]
    more = {} if year is None else {"year": year}
    return grid.array(
        values if carbon else values * _CARBON, name="emissions",
        unit="Mt C" if carbon else "Mt CO2", kind="amount", treated=treated, missing_cells=0,
        source=path.name, **more,
    )  # fmt: skip


def _values(path: Path, grid: Grid) -> Array:
    """Return the lines of a file as rows and columns of the grid."""
    if path.suffix == ".Z":
        raise SourceError(f"{path} is compressed: uncompress it first (uncompress, gzip -d)")
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw
            lines, _ = number_block(stream, str(path), rows=grid.size, columns=1)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file; check the path", path=path) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"{path} is not a complete gzip file ({error}): get it again") from error
    except OSError as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{path} cannot be read ({error}): check your permissions") from error
    return lines.reshape(grid.shape)
