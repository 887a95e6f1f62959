"""Where the files of Eora26 lie: in a folder, in zips, by year, with labels beside or apart."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from carbonflows.errors import SourceError, some
from carbonflows.sources.archive import Files
from carbonflows.sources.files import pick_year

_NAME = r"Eora26_(\d{4})_(bp|pp)"


@dataclass(frozen=True)
class Release:
    """Where the files of one year lie."""

    files: Files
    folder: str
    year: int
    price: str

    def sheet(self, kind: str) -> str:
        """Name of a file of numbers."""
        wanted = f"{self.folder}Eora26_{self.year}_{self.price}_{kind}.txt"
        for name in self.files.names:
            if name.lower() == wanted.lower():
                return name
        raise SourceError(
            f"{self.files.path} has no {wanted}: unpack the whole archive of one release there",
            path=self.files.path,
        )

    def labels(self, kind: str) -> tuple[Files, str]:
        """Where the labels are: beside the numbers, anywhere near, or in indices.zip."""
        base = f"labels_{kind}.txt"
        near = [
            n
            for n in self.files.matching(re.escape(base))
            if n == f"{self.folder}{n[-len(base) :]}"
        ]
        if near:
            return self.files, near[0]
        if self.files.matching(re.escape(base)):
            return self.files, self.files.find(re.escape(base), "labels")
        at = self.files.path if self.files.path.is_dir() else self.files.path.parent
        for place in (at / self.folder / "indices.zip", at / "indices.zip"):
            if place.is_file():
                found = Files(place)
                return found, found.find(re.escape(base), "labels")
        raise SourceError(
            f"{self.files.path} has no {base}, and no indices.zip is beside it: put one there",
            path=self.files.path,
        )


def release_of(path: Path, year: int | None, price: str | None) -> Release:
    """Find the files of the year and the prices asked for.

    Parameters
    ----------
    path : Path
        Folder or zip.
    year : int or None
        Needed where there are several.
    price : {"bp", "pp"} or None
        None: basic prices where both are there.

    Returns
    -------
    Release

    Raises
    ------
    SourceError
        Not there, or there more than once.
    """
    found: dict[int, dict[str, list[Release]]] = {}
    files = Files(path)
    for name in files.names:
        place = PurePosixPath(name)
        loose = re.fullmatch(rf"{_NAME}_T\.txt", place.name, re.IGNORECASE)
        packed = re.fullmatch(rf"{_NAME}\b.*\.zip", place.name, re.IGNORECASE)
        if loose:
            folder = "" if place.parent == PurePosixPath(".") else f"{place.parent}/"
            one = Release(files, folder, int(loose[1]), loose[2].lower())
            found.setdefault(one.year, {}).setdefault(one.price, []).append(one)
        elif packed and files.path.is_dir():
            key = found.setdefault(int(packed[1]), {}).setdefault(packed[2].lower(), [])
            key.append(Release(files, name, int(packed[1]), packed[2].lower()))
    if not found:
        raise SourceError(
            f"{path} holds no table of Eora26: expected files like Eora26_2012_bp_T.txt or "
            "Eora26_2012_bp.zip",
            path=path,
        )
    year = pick_year(found, year, str(path))
    prices = found[year]
    if price is not None and price not in prices:
        raise SourceError(
            f"{path} has {year} not in {price!r} but in {some(prices)}: choose another price",
            path=path, year=year,
        )  # fmt: skip
    places = prices[price or ("bp" if "bp" in prices else next(iter(prices)))]
    if len(places) > 1:
        raise SourceError(
            f"{path} holds {year} {places[0].price} {len(places)} times: give the path of one",
            path=path, year=year,
        )  # fmt: skip
    one = places[0]
    return release_of(path / one.folder, year, one.price) if one.folder.endswith(".zip") else one


def recognise(files: Files) -> str | None:
    """Return the release, such as ``"Eora26 2012 bp"``, if this is Eora26.

    Parameters
    ----------
    files : Files

    Returns
    -------
    str or None
    """
    found = [
        match
        for name in (*files.names, files.path.name)
        if (match := re.fullmatch(rf"{_NAME}(?:_T\.txt|\b.*\.zip)", PurePosixPath(name).name, re.I))
    ]
    if not found:
        return None
    years = sorted({match[1] for match in found})
    return f"Eora26 {', '.join(years)} {'/'.join(sorted({m[2].lower() for m in found}))}"
