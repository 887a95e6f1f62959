"""Which files of which database and year lie where, and bringing them into one folder.

Publishers that list their files with checksums (Zenodo, Dataverse) are asked for the list, so that
nothing here goes stale but the number of a record. Of the others the addresses themselves are here.
Databases behind a login, and releases whose addresses are not known, say what to do by hand: what
their `Source` says.
"""

import html
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin

from carbonflows.errors import SourceError, some
from carbonflows.placing import placing
from carbonflows.sources import named
from carbonflows.sources.archive import Files
from carbonflows.sources.fetch import Patience, Progress, Remote, download, text_at

ZENODO = "https://zenodo.org/api/records/"
DATAVERSE = "https://dataverse.nl/api/"
OECD = "https://webfs-sti.oecd.org/files/STI-PIE/ICIO/"
CIRCABC = "https://circabc.europa.eu/rest/download/"
ADB = "https://kidb.adb.org/globalization/current"
JRC_CO2 = (
    "https://joint-research-centre.ec.europa.eu/document/download/"
    "b572c87b-a2fb-4ab6-af38-ff0451273e9e_en?filename=co2em56.zip"
)

EXIOBASE = {
    "3.8": "4277368", "3.8.1": "4588235", "3.8.2": "5589597", "3.9.4": "14614930",
    "3.9.5": "14869924", "3.9.6": "15689391", "3.10.1": "18937492",
}  # fmt: skip
"""Version of EXIOBASE 3 → record at Zenodo."""

ICIO = {
    "2021": [(1995, 1999), (2000, 2004), (2005, 2009), (2010, 2014), (2015, 2018)],
    "2023": [(1995, 2000), (2001, 2005), (2006, 2010), (2011, 2015), (2016, 2020)],
    "2025": [(1995, 2000), (2001, 2005), (2006, 2010), (2011, 2015), (2016, 2022)],
}
"""Edition of the OECD ICIO tables → first and last year of each zip."""
ICIO |= {f"{edition}-extended": ICIO[edition] for edition in ("2023", "2025")}

FIGARO = {
    "25": {
        2010: "fc80f855-d144-476e-b4bf-5cfba946819c", 2011: "1bcb2624-04ed-43e1-8588-df6680ed352a",
        2012: "399671ad-cbb3-493e-ad5f-83e989f1eecc", 2013: "a2b4746d-1d11-4a44-ab1c-50ac956f0849",
        2014: "beba57b2-2696-497a-b92f-2a5beca724c7", 2015: "1a194b8c-6ea1-4bec-9c73-0cd599febcc3",
        2016: "2cdd74fc-0bce-4ae0-8bf2-34d34546d86d", 2017: "4a11c796-4186-4cce-a02f-12d353fc5e59",
        2018: "7a57a374-2200-498c-bb5f-cee24202b0b8", 2019: "c3467617-8a00-44a0-9b6b-ccad8a2ab58d",
        2020: "4df668e1-2a8a-4e84-ae57-00309d8bc760", 2021: "6736dea8-da14-450f-b212-a791baf238c8",
        2022: "b20c339d-984f-413c-a499-54ff76beb90c", 2023: "21557f49-1e94-431c-8523-d972fec020b8",
    },
    "26": {
        2014: "85d3f6de-3510-45ff-96c9-11da9f1e325a", 2015: "e989cc76-52f5-4cd9-ba8c-5764fafde13a",
        2016: "2e7bc8e5-ee0c-4e57-a082-60a9fb59ee73", 2017: "0bd4147b-d06b-4800-87e4-c479352e88ba",
        2018: "40c2349e-1ba7-48b5-b4a3-4f00b78f2283", 2019: "ba9d7f3a-a381-49f2-998d-64fec81c3d35",
        2020: "28d77fbf-50c2-475c-8ba6-c97b02a69039", 2021: "57fd3555-51db-4f03-b765-3cb7fcfe3007",
        2022: "f1330ee5-2841-4f3a-949c-20f36d068714", 2023: "836a0346-bdb5-4d8a-bbea-b3bd583a53c9",
        2024: "8ac7da34-911e-4a91-ab1c-8aec1a574381",
    },
}  # fmt: skip
"""Edition of FIGARO → year → node of the matrix, industry by industry."""


@dataclass(frozen=True)
class Part:
    """One file that a table needs.

    Attributes
    ----------
    remote : Remote
    unpack : str or None
        Pattern of the name of the one file to take out of the archive, where readers do not look
        into archives of that name or it holds many years.
    """

    remote: Remote
    unpack: str | None = None


@dataclass(frozen=True)
class Offer:
    """What a publisher has of one year of one database.

    Attributes
    ----------
    parts : tuple of Part
    release : str
        Release that it is, or empty where there is one only.
    by_hand : str
        What remains to be done by hand, or empty.
    """

    parts: tuple[Part, ...]
    release: str = ""
    by_hand: str = ""


@dataclass(frozen=True)
class Fetched:
    """What was fetched.

    Attributes
    ----------
    folder : Path
    records : tuple of dict
        Record of each file; see `carbonflows.sources.fetch.download`.
    by_hand : str
        What remains to be done by hand, or empty.
    """

    folder: Path
    records: tuple[dict[str, Any], ...]
    by_hand: str


@dataclass(frozen=True)
class _Wish:
    """What was asked for, with what each publisher needs to know."""

    year: int
    release: str | None
    system: str | None
    url: str | None
    patience: Patience | None

    def chosen(self, known: list[str], default: str) -> str:
        """Return the release asked for, or the default."""
        release = self.release or default
        if release not in known:
            raise SourceError(
                f"release {release!r} is not known: use {', '.join(known)}, or fetch it by hand",
                by_hand=True,
            )
        return release

    def within(self, years: list[int]) -> None:
        """Raise if there is no table of the year."""
        if self.year not in years:
            raise SourceError(
                f"{self.year} is not on offer: choose one of {_spans(years)}", year=self.year
            )

    def listed(self, url: str) -> Any:
        """Return a publisher's list of files."""
        try:
            return json.loads(text_at(url, patience=self.patience))
        except ValueError as error:
            raise SourceError(f"{url} is no list of files", url=url, by_hand=True) from error


def fetch(
    source: str,
    year: int | None = None,
    out: str | Path | None = None,
    *,
    release: str | None = None,
    system: str | None = None,
    url: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Fetched:
    """Download what is needed to read one year of a database.

    Parameters
    ----------
    source : str
        One of `carbonflows.sources.NAMES`.
    year : int, optional
        Must be given where the database can be fetched.
    out : str or Path, optional
        Folder; by default the name of the source, with the release.
    release : str, optional
        Where there are several: version of EXIOBASE (default 3.9.6), edition of the OECD ICIO
        tables (2025) or of FIGARO (26), number of economies of the ADB tables (62).
    system : {"pxp", "ixi"}, optional
        Products (default) or industries, of EXIOBASE.
    url : str, optional
        Take the files, under their own names, from this address instead of the publisher's. No
        list of checksums is then asked for.
    overwrite : bool
        Replace other files of the same names.
    progress, patience
        See `carbonflows.sources.fetch.download`.

    Returns
    -------
    Fetched

    Raises
    ------
    SourceError
        It cannot be fetched; the message says what to do by hand.

    Examples
    --------
    >>> fetch("gtap", 2014)
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: gtap is not fetched for you: log in at the Center for
    Global Trade Analysis, ...
    """
    known = named(source)
    if source not in OFFERS:
        raise SourceError(
            f"{source} is not fetched for you: {known.get}",
            source=source,
        )
    if year is None:
        raise SourceError(f"{source} is fetched by year: say which with --year", source=source)
    if system is not None and source != "exiobase3":
        raise SourceError(f"{source} has no systems to choose from: leave --system away")
    try:
        offer = OFFERS[source](_Wish(year, release, system, url, patience))
        folder = Path(out or "-".join(filter(None, [source, offer.release])))
        records = []
        for part in offer.parts:
            remote = part.remote
            if url is not None:
                remote = Remote(remote.name, f"{url.rstrip('/')}/{remote.name}")
            records.append(
                download(remote, folder, overwrite=overwrite, progress=progress, patience=patience)
            )
            if part.unpack is not None:
                _take_out(folder / remote.name, part.unpack, year, overwrite)
    except SourceError as error:
        if not error.facts.get("by_hand"):
            raise
        raise type(error)(f"{error}; by hand: {known.get}", **error.facts) from error
    return Fetched(folder, tuple(records), offer.by_hand)


def _exiobase3(wish: _Wish) -> Offer:
    release = wish.chosen(list(EXIOBASE), "3.9.6")
    system = wish.system or "pxp"
    if system not in ("pxp", "ixi"):
        raise SourceError(f"system {system!r} is not known: use pxp (products) or ixi (industries)")
    name = f"IOT_{wish.year}_{system}.zip"
    if wish.url is not None:
        return Offer((Part(Remote(name, "")),), release)
    place = ZENODO + EXIOBASE[release]
    try:
        files = {str(file["key"]): file for file in wish.listed(place)["files"]}
    except (KeyError, TypeError) as error:
        raise SourceError(f"{place} is no list of files", url=place, by_hand=True) from error
    if name not in files:
        years = [int(m[1]) for f in files if (m := re.fullmatch(rf"IOT_(\d+)_{system}\.zip", f))]
        if years:
            wish.within(years)
        raise SourceError(f"{place} lists no {name}", url=place, by_hand=True)
    checksum = _checksum(*str(files[name].get("checksum")).partition(":")[::2])
    remote = Remote(name, f"{place}/files/{name}/content", files[name].get("size"), checksum)
    return Offer((Part(remote),), release)


def _dataverse(wish: _Wish, doi: str, wanted: dict[str, str | None]) -> list[Part]:
    """Find files of a Dataverse data set by pattern; those it does not have are left out."""
    if wish.url is not None:
        return [Part(Remote(name, ""), unpack) for name, unpack in wanted.items()]
    place = f"{DATAVERSE}datasets/:persistentId/?persistentId=doi:{doi}"
    try:
        files = [f["dataFile"] for f in wish.listed(place)["data"]["latestVersion"]["files"]]
        found = {str(file["filename"]).lower(): file for file in files}
        parts = []
        for name, unpack in wanted.items():
            file = found.get(name.lower())
            if file is not None:
                checksum = file.get("checksum") or {}
                remote = Remote(
                    name,
                    f"{DATAVERSE}access/datafile/{file['id']}",
                    file.get("filesize"),
                    _checksum(checksum.get("type"), checksum.get("value")),
                )
                parts.append(Part(remote, unpack))
    except (KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{place} is no list of files", url=place, by_hand=True) from error
    if next(iter(wanted)) not in [part.remote.name for part in parts]:
        raise SourceError(f"{place} lists no {next(iter(wanted))}", url=place, by_hand=True)
    return parts


def _checksum(kind: Any, value: Any) -> str | None:
    """Write a listed checksum as `Remote` has it, if it is of a kind that can be computed."""
    kind = str(kind).replace("-", "").lower()
    return f"{kind}:{value}" if kind in ("md5", "sha1", "sha256", "sha512") and value else None


def _wiod2013(wish: _Wish) -> Offer:
    wish.within(list(range(1995, 2012)))
    table = rf"wiot{wish.year % 100:02d}_row_[a-z]{{3}}\d\d\.xlsx"
    accounts = "CO2_may12.zip"
    parts = _dataverse(wish, "10.34894/XDTAUZ", {"WIOTS_in_EXCEL.zip": table, accounts: None})
    missing = f"{accounts} is not in the list: get it from the environmental accounts of WIOD 2013"
    return Offer(tuple(parts), by_hand="" if len(parts) == 2 else missing)


def _wiod2016(wish: _Wish) -> Offer:
    wish.within(list(range(2000, 2015)))
    table = rf"WIOT{wish.year}_[A-Z][a-z]+16_ROW\.xlsb"
    parts = _dataverse(wish, "10.34894/PJ2M1C", {"WIOTS_in_EXCEL.zip": table})
    co2 = Part(Remote("co2em56.zip", JRC_CO2), r"CO2[ _]emissions\.xlsx")
    return Offer((*parts, co2))


def _oecd_icio(wish: _Wish) -> Offer:
    release = wish.chosen(sorted(ICIO), "2025")
    edition, _, extended = release.partition("-")
    blocks = ICIO[release]
    wish.within([year for first, last in blocks for year in range(first, last + 1)])
    first, last = next(b for b in blocks if b[0] <= wish.year <= b[1])
    kind = "_EXT" if extended else "_SML"
    name = f"ICIO2021_{first}-{last}.zip" if edition == "2021" else f"{first}-{last}{kind}.zip"
    table = rf"(ICIO{edition}_)?{wish.year}(_SML|_EXT)?\.csv"
    return Offer((Part(Remote(name, f"{OECD}{edition}/{name}"), table),), release)


def _figaro(wish: _Wish) -> Offer:
    release = wish.chosen(list(FIGARO), "26")
    wish.within(list(FIGARO[release]))
    name = f"matrix_eu-ic-io_ind-by-ind_{release}ed_{wish.year}.csv"
    remote = Remote(name, CIRCABC + FIGARO[release][wish.year])
    note = (
        "emissions are apart: the data set env_ac_co2fp from Eurostat's database (emissions=PATH)"
    )
    return Offer((Part(remote),), release, note)


def _adb(wish: _Wish) -> Offer:
    release = wish.release or "62"
    if wish.url is not None:
        raise SourceError("adb names its files anew with each edition, --url cannot find them",
                          by_hand=True)  # fmt: skip
    page = html.unescape(text_at(ADB, patience=wish.patience)).replace("\\/", "/")
    found: dict[str, str] = {}
    for entry in re.findall(r"\{[^{}]*mrio-file/\d+[^{}]*\}", page):
        try:
            facts = json.loads(entry)
            found[str(facts["filename"])] = urljoin(ADB, str(facts["href"]))
        except (ValueError, KeyError):
            continue
    size = "(62)?" if release == "62" else re.escape(release)
    fits = [
        name for name in found if re.fullmatch(rf"ADB-MRIO{size}-{wish.year}(?!\d).*\.xlsx", name)
    ]
    if len(fits) != 1:
        what = some(fits) if fits else "no table"
        raise SourceError(
            f"{ADB} lists {what} of {wish.year} with {release} economies", url=ADB, by_hand=True
        )
    note = "emissions are apart: give a list of them with emissions=PATH"
    return Offer((Part(Remote(fits[0], found[fits[0]])),), release, note)


OFFERS: dict[str, Callable[[_Wish], Offer]] = {
    "exiobase3": _exiobase3,
    "wiod2013": _wiod2013,
    "wiod2016": _wiod2016,
    "oecd_icio": _oecd_icio,
    "figaro": _figaro,
    "adb": _adb,
}
"""Source → what its publisher has of a year."""


def _spans(years: list[int]) -> str:
    """Say years briefly, as 1995-2000, 2004."""
    runs: list[list[int]] = []
    for year in sorted(set(years)):
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)


def _take_out(path: Path, pattern: str, year: int, overwrite: bool) -> Path:
    """Copy the one file that matches out of an archive, beside it."""
    found = Files(path).matching(pattern)  # refuses entries outside the archive
    with zipfile.ZipFile(path) as archive:
        if not found:
            there = some(PurePosixPath(name).name for name in archive.namelist())
            raise SourceError(
                f"{path} holds no file for {year}, there are {there}: fetch another release, or "
                "look at the publisher's page",
                path=path, year=year,
            )  # fmt: skip
        if len(found) > 1:
            raise SourceError(
                f"{path} holds {some(found)} where one file was looked for: unpack it by hand",
                path=path,
            )
        entry = archive.getinfo(found[0])
        target = path.with_name(PurePosixPath(found[0]).name)
        if not _same(target, entry):
            with (
                placing(target, needed=entry.file_size, overwrite=overwrite) as temporary,
                archive.open(entry) as stream,
                open(temporary, "wb") as copy,
            ):
                shutil.copyfileobj(stream, copy, 1 << 20)
    return target


def _same(path: Path, entry: zipfile.ZipInfo) -> bool:
    """Whether a file is already what an archive holds."""
    if not path.is_file() or path.stat().st_size != entry.file_size:
        return False
    checksum = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return checksum == entry.CRC
