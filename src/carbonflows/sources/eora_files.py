"""The files of the full Eora: sheets of numbers by year and valuation, and lists of labels.

A sheet comes as ``…_T-Results_2013_082_Markup001(full).csv``, mostly in a zip of its own; the
labels as ``index_t.csv``, ``index_v.csv``, ``index_y.csv`` and ``index_q.csv``, mostly in
``indices.zip``. The publisher's names differ between years, and users shorten them (``T.csv`` in
``Eora_2013_basic``), so that a sheet is known by a lone ``T``, ``V``, ``Y`` or ``Q`` in its name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from carbonflows.errors import LabelError, SourceError, quoted, some
from carbonflows.sources.archive import Files
from carbonflows.sources.eora26_labels import OUTSIDE, region_codes
from carbonflows.sources.files import pick_year
from carbonflows.sources.numbers import separated
from carbonflows.sources.tabbed import Label

Place = tuple[Files, str]

BASIC = 1
MARKUPS = range(1, 6)
"""Basic prices, trade margins, transport margins, taxes, subsidies."""
_KINDS = {"T": "T", "V": "V", "VA": "V", "Y": "Y", "FD": "Y", "Q": "Q", "QY": "Q"}
_SHEET = re.compile(
    r"(?:.*[^A-Za-z0-9])?(T|VA?|Y|FD|QY?)(?:[-_ ]?Results)?(?:[^A-Za-z].*)?\.csv(?:\.zip)?", re.I
)
_DEVIATIONS = re.compile(
    r"(?<![a-z])(?:sd|std|st(?:an)?d(?:ard)?[-_ ]?dev(?:iations?)?)(?![a-z])", re.I
)
_INDEX = re.compile(r"index_([tvyq])\.csv", re.I)
_YEAR = re.compile(r"(?<!\d)(?:19[6-9]|20[0-4])\d(?!\d)")
_WORDS = ("basic", "trade", "transport", "tax", "subsid")
_ENTITIES = {"industries": "industry", "commodities": "commodity"}


@dataclass(frozen=True)
class EoraRelease:
    """One year of the full Eora.

    Attributes
    ----------
    path : Path
    year : int
    name : str
        What is known of the release: the number of the run that the names hold, or nothing.
    sheets : dict of (str, int) to (Files, str)
        Where the sheets of each kind (``T V Y Q``) and valuation (1 to 5) are.
    indices : dict of str to (Files, str)
        Where the labels ``t v y q`` are.
    """

    path: Path
    year: int
    name: str
    sheets: dict[tuple[str, int], Place]
    indices: dict[str, Place]

    def sheet(self, kind: str, markup: int = BASIC) -> Place:
        """Return the place of a sheet; raise where it is not there."""
        if (kind, markup) not in self.sheets:
            there = sorted(f"{k} {m:03d}" for k, m in self.sheets)
            raise SourceError(
                f"{self.path} has no sheet {kind} {markup:03d} of {self.year} (a name like "
                f"…_{kind}-Results_{self.year}_082_Markup{markup:03d}(full).csv; there are "
                f"{some(there, 20)}): add it",
                path=self.path, year=self.year,
            )  # fmt: skip
        return self.sheets[kind, markup]

    def index(self, kind: str) -> Place:
        """Return the place of a list of labels; raise where it is not there."""
        if kind not in self.indices:
            raise SourceError(
                f"{self.path} has no index_{kind}.csv: put it or indices.zip there",
                path=self.path,
            )
        return self.indices[kind]


def eora_release(path: str | Path, year: int | None) -> EoraRelease:
    """Find the files of one year.

    Parameters
    ----------
    path : str or Path
        Folder with sheets and labels, loose or each in its zip; or one zip with all sheets.
    year : int or None
        Needed where there are several, or where no name says the year.

    Returns
    -------
    EoraRelease

    Raises
    ------
    SourceError
        No sheet T, no such year, or files that are there more than once.
    """
    path = Path(path)
    found, indices = _listed(path)
    years = {y: sheets for y, sheets in found.items() if any(kind == "T" for kind, _ in sheets)}
    if not years:
        raise SourceError(
            f"{path} has no sheet T of Eora (a name like …_T-Results_2013_082_Markup001(full).csv, "
            "loose or in a zip of its own): give the folder with it",
            path=path,
        )
    if None not in years:
        year = pick_year({y: s for y, s in years.items() if y is not None}, year, str(path))
        sheets = years[year]
    elif len(years) == 1 and year is not None:
        sheets = years[None]
    else:
        (_, name), *_ = next(iter(years[None].values()))
        raise SourceError(
            f"{path}: {name} does not say its year: give it as year=, and one year alone",
            path=path,
        )
    for places in [*sheets.values(), *indices.values()]:
        if len(places) > 1:
            raise SourceError(
                f"{path} holds the same sheet {len(places)} times "
                f"({some(f'{files.path.name}: {name}' for files, name in places)}): keep one",
                path=path,
            )
    run = re.search(r"Results_\d{4}_(\d{3})", next(iter(sheets.values()))[0][1], re.I)
    return EoraRelease(
        path, year, f"run {run[1]}" if run else "",
        {key: places[0] for key, places in sheets.items()},
        {kind: places[0] for kind, places in indices.items()},
    )  # fmt: skip


def recognise(files: Files) -> str | None:
    """Return the release, such as ``"Eora 2013"``, if this is the full Eora.

    Its labels must be there, as its sheets are named as those of GLORIA are.
    """
    bases = {PurePosixPath(name).name.lower() for name in files.names}
    if not {"index_t.csv", "indices.zip"} & bases and not _beside(files.path).is_file():
        return None
    found, indices = _listed(files.path)
    years = [year for year, sheets in found.items() if any(kind == "T" for kind, _ in sheets)]
    if not years or "t" not in indices:
        return None
    return " ".join(["Eora", ", ".join(sorted(str(y) for y in years if y is not None))]).strip()


def index_lines(place: Place) -> list[list[str]]:
    """Read the lines of a list of labels, the first with the names of its columns.

    Parameters
    ----------
    place : (Files, str)

    Returns
    -------
    list of list of str
        Without empty cells at the ends of lines, and without a first column of numbers. Commas that
        belong to the last column are put back, as older lists do not quote them.

    Raises
    ------
    SourceError
        No lines, a line with too few cells, or numbers that do not run on.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "index_t.csv").write_text('N, CountryA3, Sector\\n1, AUS, "Ice, snow"\\n')
    >>> index_lines((Files(folder), "index_t.csv"))
    [['CountryA3', 'Sector'], ['AUS', 'Ice, snow']]
    """
    files, name = place
    where = f"{files.path}: {name}"
    rows = [
        [cell.strip() for cell in row]
        for row in separated(files.text(name), where, ",", spaces=True)
    ]
    while rows and not any(rows[-1]):
        rows.pop()
    if len(rows) < 2:
        raise SourceError(f"{where} has no labels: get it again", path=where)
    while rows[0] and not rows[0][-1]:
        rows[0].pop()
    width = len(rows[0])
    for number, row in enumerate(rows, 1):
        while len(row) > width and not row[-1]:
            row.pop()
        row[width - 1 :] = [", ".join(row[width - 1 :])] if len(row) >= width else []
        if len(row) < width or (number > 1 and not any(row)):
            raise SourceError(
                f"{where} line {number} has {len(row)} cells, its first line has {width}: get it "
                "again",
                path=where, line=number,
            )  # fmt: skip
    return _without_numbers(rows, where)


def node_labels(place: Place) -> tuple[list[Label], list[str], list[Label]]:
    """Read the labels of rows and columns of T.

    Parameters
    ----------
    place : (Files, str)
        ``index_t.csv``.

    Returns
    -------
    nodes : list of (str, str)
        ISO3 code and sector; in regions with supply and use tables ``Industry: …`` and
        ``Commodity: …``. Sectors that occur twice in a region get a number.
    kinds : list of str
        For each node ``"industry"`` or ``"commodity"`` of supply and use tables, or ``""``.
    repeated : list of (str, str)
        Those that got a number.

    Raises
    ------
    SourceError, LabelError
        As `index_lines`; columns that are not there, contradicting or unknown labels.
    """
    where = f"{place[0].path}: {place[1]}"
    lines = table_lines(place)
    codes = region_codes(lines, where, first=2)
    entities: dict[str, set[str]] = {}
    for number, (code, (_, _, entity, sector)) in enumerate(zip(codes, lines, strict=True), 2):
        if not sector or (code != OUTSIDE and entity.lower() not in _ENTITIES):
            raise LabelError(
                f"{where} line {number}: {quoted(entity)}, {quoted(sector)} is no sector of "
                "Industries or Commodities: get it again",
                labels=[sector], line=number,
            )  # fmt: skip
        entities.setdefault(code, set()).add(entity.lower())
    nodes: list[Label] = []
    kinds: list[str] = []
    numbered: list[Label] = []
    seen: dict[Label, int] = {}
    for code, (_, _, entity, sector) in zip(codes, lines, strict=True):
        kind = _ENTITIES[entity.lower()] if set(_ENTITIES) <= entities[code] else ""
        label = (code, f"{kind.capitalize()}: {sector}" if kind else sector)
        seen[label] = seen.get(label, 0) + 1
        if seen[label] > 1:
            label = (code, f"{label[1]} ({seen[label]})")
            numbered.append(label)
        nodes.append(label)
        kinds.append(kind)
    return nodes, kinds, numbered


def table_lines(place: Place) -> list[Label]:
    """Read ``(country, code, entity, sector)`` of each line of ``index_t``, ``_v`` or ``_y``.

    Raises
    ------
    SourceError
        As `index_lines`; columns that are not there.
    """
    where = f"{place[0].path}: {place[1]}"
    head, *lines = index_lines(place)
    titles = [re.sub("[^a-z0-9]", "", title.lower()) for title in head]
    wanted = ("countrya3", "entity", "sector")
    missing = [title for title in wanted if title not in titles]
    if missing:
        raise SourceError(
            f"{where} has no column {some(missing)} (it has {some(head)}): get it again", path=where
        )
    a3, entity, sector = (titles.index(title) for title in wanted)
    country = titles.index("country") if "country" in titles else a3
    for number, line in enumerate(lines, 2):
        if not line[a3]:
            raise SourceError(f"{where} line {number} has no CountryA3: get it again", path=where)
    return [(line[country], line[a3], line[entity], line[sector]) for line in lines]


def _without_numbers(rows: list[list[str]], where: str) -> list[list[str]]:
    """Drop the first column if it counts lines, which must then be in order."""
    first = [row[0] for row in rows[1:]]
    if not all(cell.isdigit() for cell in first) or len(rows[0]) < 2:
        return rows
    numbers = [int(cell) for cell in first]
    expected = range(numbers[0], numbers[0] + len(numbers))
    if numbers[0] in (0, 1) and numbers[-1] == expected[-1]:
        for line, (number, due) in enumerate(zip(numbers, expected, strict=True), 2):
            if number != due:
                raise SourceError(
                    f"{where} line {line} has the number {number}, {due} was expected: its lines "
                    "are not in order, get it again",
                    path=where, line=line,
                )  # fmt: skip
    return [row[1:] for row in rows]


def _listed(
    path: Path,
) -> tuple[dict[int | None, dict[tuple[str, int], list[Place]]], dict[str, list[Place]]]:
    """List sheets by year, kind and valuation, and labels by kind."""
    own = Files(path)
    places = [own]
    if own.path.is_dir():
        zips = [name for name in own.names if name.lower().endswith(".zip")]
        places += [Files(path / name) for name in zips if _kind(name) or _named(name)]
    found: dict[int | None, dict[tuple[str, int], list[Place]]] = {}
    indices: dict[str, list[Place]] = {}
    for files in places:
        for name in files.names:
            if index := _INDEX.fullmatch(PurePosixPath(name).name):
                indices.setdefault(index[1].lower(), []).append((files, name))
            elif not name.lower().endswith(".zip") and (kind := _kind(name)):
                parts = _parts(path, files, name)
                sheets = found.setdefault(_year(parts), {})
                sheets.setdefault((kind, _markup(parts)), []).append((files, name))
    if not indices and _beside(path).is_file():
        files = Files(_beside(path))
        for name in files.names:
            if index := _INDEX.fullmatch(PurePosixPath(name).name):
                indices.setdefault(index[1].lower(), []).append((files, name))
    return found, indices


def _beside(path: Path) -> Path:
    return path.resolve().parent / "indices.zip"


def _named(name: str) -> bool:
    return re.match(r"indices\b|eora(?!26)", PurePosixPath(name).name, re.I) is not None


def _kind(name: str) -> str | None:
    base = PurePosixPath(name).name
    match = _SHEET.fullmatch(base)
    other = base.lower().startswith(("eora26", "index_")) or _DEVIATIONS.search(base)
    if match is None or other:
        return None
    return _KINDS[match[1].upper()]


def _parts(path: Path, files: Files, name: str) -> list[str]:
    """Return the names that may say something of a file: its own, then those around it."""
    around = [path.resolve().name]
    if files.path != path:
        around += files.path.relative_to(path).parts
    return [*around, *PurePosixPath(name).parts][::-1]


def _year(parts: Sequence[str]) -> int | None:
    for part in parts:
        if run := re.search(r"Results_(\d{4})_", part, re.I):
            return int(run[1])
        years = set(_YEAR.findall(part))
        if len(years) > 1:
            raise SourceError(f"{part} names the years {some(sorted(years))}: rename it to one")
        if years:
            return int(years.pop())
    return None


def _markup(parts: Sequence[str]) -> int:
    for part in parts[:-1]:
        if number := re.search(r"Markup(\d{3})", part, re.I):
            return int(number[1])
        for markup, word in enumerate(_WORDS, BASIC):
            if re.search(rf"(?<![a-z]){word}", part, re.I):
                return markup
    return BASIC
