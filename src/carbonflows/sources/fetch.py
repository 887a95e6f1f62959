"""Downloading one file well: resumed where it was cut, checked, and there only when complete.

While ``IOT_2020_pxp.zip`` is on its way its bytes are in ``IOT_2020_pxp.zip.part`` and what is
needed to go on later in ``IOT_2020_pxp.zip.part.json``; both are picked up by the next run. When
the file is complete it gets its name in one step, and ``IOT_2020_pxp.zip.fetched.json`` says where
it came from. This is the only module that opens a connection.

It is built on requests and not on pooch, which has no resumption: with files of half a gigabyte
that matters most, and what pooch would add to it (hashing, retrying) is a few lines.
"""

import datetime
import errno
import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar
from urllib.parse import urljoin

import requests

from carbonflows.errors import HashMismatch, SourceError
from carbonflows.placing import PART
from carbonflows.sources.archive import refuse_web_page
from carbonflows.sources.fetched import (
    damage,
    difference,
    read_json,
    record_of,
    record_place,
    recorded,
    write_json,
)

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with what is being done, the bytes done and, where known, the bytes to do."""

T = TypeVar("T")

_BLOCK = 1 << 18
_ZIPS = (".zip", ".xlsx", ".xlsb")
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Remote:
    """A file at its publisher.

    Attributes
    ----------
    name : str
        Name to save it under.
    url : str
    size : int or None
        Bytes, where published.
    checksum : str or None
        As ``md5:0cc1…`` or any other algorithm of hashlib, where published.
    """

    name: str
    url: str
    size: int | None = None
    checksum: str | None = None


@dataclass(frozen=True)
class Patience:
    """How long to bear with a server.

    Attributes
    ----------
    attempts : int
    wait : float
        Seconds before the second attempt, doubled for each further one.
    timeout : float
        Seconds without a byte after which an attempt is given up.
    """

    attempts: int = 5
    wait: float = 1.0
    timeout: float = 30.0


class _Passing(Exception):
    """A failure that may not happen again; `after` is how long the server asks to wait."""

    def __init__(self, what: str, after: float = 0.0) -> None:
        super().__init__(what)
        self.after = after


def download(
    remote: Remote,
    folder: Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> dict[str, Any]:
    """Download a file into a folder, or go on with a download that was interrupted.

    Parameters
    ----------
    remote : Remote
    folder : Path
        Made if it is not there.
    overwrite : bool
        Replace another file of that name.
    progress : callable, optional
    patience : Patience, optional

    Returns
    -------
    dict
        Record of the download, as in ``NAME.fetched.json``: name, url, day, bytes, sha256 and what
        it was checked against. A file that is there and the one meant is not fetched again.

    Raises
    ------
    HashMismatch
        The bytes are not those that the publisher lists.
    SourceError
        The server refuses, sends a web page, breaks off too often or redirects to an address
        without encryption; the file is damaged; another file of that name is there; the disk is
        full. The fact `by_hand` is True where a browser may have more luck.

    Notes
    -----
    A download is resumed only where a file that has changed since would be noticed: by the server,
    which is told its tag or date (``If-Range``), or by a published checksum.

    Examples
    --------
    >>> import tempfile
    >>> quick = Patience(attempts=1, timeout=1)
    >>> download(Remote("Z.csv", "ftp://x/Z.csv"), Path(tempfile.mkdtemp()), patience=quick)
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: ftp://x/Z.csv cannot be asked for (No connection adapters ...
    """
    if not remote.name or Path(remote.name).name != remote.name:
        raise SourceError(f"{remote.name!r} is no name of a file: rename it at its source")
    patience, report = patience or Patience(), progress or (lambda *_: None)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / remote.name
    if target.exists():
        record = recorded(target, remote)
        if record is not None:
            return record
        if not overwrite:
            raise SourceError(
                f"{target} is there and not known to be the file of {remote.url}: overwrite it "
                "(--overwrite), or fetch into another folder (--out)",
                path=target,
            )
    part = target.with_name(target.name + PART)
    state = part.with_name(part.name + ".json")

    def attempt() -> dict[str, Any]:
        resumed = _transfer(session, remote, file, state, patience.timeout, report)
        return _checked(remote, file, part, resumed, report)

    with _alone(part) as file, _session() as session:
        try:
            record = _patiently(attempt, patience)
        except _Passing as error:
            size = part.stat().st_size
            way = f"to go on from the {_megabytes(size)} in {part}" if size else "later"
            raise SourceError(
                f"{remote.url} {error}, {patience.attempts} times: run the same command again "
                f"{way}",
                url=remote.url, path=part, by_hand=not size,
            ) from error  # fmt: skip
        except OSError as error:
            if error.errno in _FULL:
                raise _disk_full(folder, part, remote.size) from error
            raise
        os.replace(part, target)
    write_json(record_place(target), record)
    state.unlink(missing_ok=True)
    return record


def text_at(url: str, *, patience: Patience | None = None) -> str:
    """Return a short text, such as a publisher's list of files.

    Raises
    ------
    SourceError
        It cannot be had; the fact `by_hand` is True.
    """
    patience = patience or Patience()

    def attempt() -> str:
        with _answer(session, url, {}, patience.timeout) as response:
            response.encoding = response.encoding or "utf-8"
            return response.text

    with _session() as session:
        try:
            return _patiently(attempt, patience)
        except _Passing as error:
            raise SourceError(
                f"{url} {error}, {patience.attempts} times: try again later", url=url, by_hand=True
            ) from error


def _patiently(action: Callable[[], T], patience: Patience) -> T:
    """Do something again, with growing pauses, while it fails in passing."""
    for attempt in range(patience.attempts):
        try:
            return action()
        except _Passing as error:
            if attempt + 1 == patience.attempts:
                raise
            time.sleep(max(patience.wait * 2**attempt, min(error.after, 60.0)))
    raise AssertionError("no attempt was allowed")


class _Session(requests.Session):
    """A session that does not follow a redirect from https to http."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target and resp.url.startswith("https:"):
            new = urljoin(resp.url, target)
            if not new.startswith("https:"):
                raise SourceError(
                    f"{resp.url} sends on to {new}, which is not encrypted: do not trust it",
                    url=resp.url, by_hand=True,
                )  # fmt: skip
        return target


def _session() -> requests.Session:
    session = _Session()
    session.max_redirects = 8
    # Compressed on the way, lengths and ranges would count other bytes than the file's.
    session.headers.update({"User-Agent": "carbonflows", "Accept-Encoding": "identity"})
    return session


@contextmanager
def _answer(
    session: requests.Session, url: str, headers: dict[str, str], timeout: float
) -> Iterator[requests.Response]:
    """Ask for something; sort what goes wrong, also while it is read, into passing and final."""
    try:
        with session.get(url, headers=headers, stream=True, timeout=timeout) as response:
            status = f"{response.status_code} {response.reason or ''}".strip()
            if response.status_code >= 500 or response.status_code in (408, 425, 429):
                after = response.headers.get("Retry-After", "")
                raise _Passing(f"answers {status}", float(after) if after.isdecimal() else 0.0)
            if response.status_code not in (200, 206, 416):
                raise SourceError(
                    f"{url} answers {status}: the publisher may have moved it (--url says where "
                    "to)",
                    url=url, status=response.status_code, by_hand=True,
                )  # fmt: skip
            yield response
    except (requests.exceptions.SSLError, requests.exceptions.TooManyRedirects) as error:
        what = "is not certified" if "SSL" in type(error).__name__ else "redirects in a circle"
        raise SourceError(
            f"{url} {what}: do not trust it, look at it in a browser", url=url, by_hand=True
        ) from error
    except requests.exceptions.Timeout as error:
        raise _Passing(f"is silent for {timeout:g} s") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise _Passing(f"breaks off ({_cause(error)})") from error
    except requests.exceptions.ConnectionError as error:
        silent = "timed out" in str(error)
        what = f"is silent for {timeout:g} s" if silent else f"cannot be reached ({_cause(error)})"
        raise _Passing(what) from error
    except requests.exceptions.RequestException as error:
        raise SourceError(f"{url} cannot be asked for ({error}): correct the address") from error


def _cause(error: BaseException) -> str:
    """Return why a connection failed: the innermost reason, in the words of the system."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _transfer(
    session: requests.Session,
    remote: Remote,
    file: BinaryIO,
    state: Path,
    timeout: float,
    report: Progress,
) -> bool:
    """Bring a file to its full length; return whether it was begun in an earlier attempt."""
    have = file.seek(0, os.SEEK_END)
    known = read_json(state)
    validator = known.get("validator")
    headers = {}
    if have and known.get("url") == remote.url and (validator or remote.checksum):
        headers = {"Range": f"bytes={have}-", **({"If-Range": validator} if validator else {})}
    with _answer(session, remote.url, headers, timeout) as response:
        start, total = _range(response)
        resumed = response.status_code != 200
        changed = validator and _validator(response) not in (None, validator)
        if resumed and (start != have or changed):
            file.truncate(0)
            raise _Passing("has another file than when this download began")
        if not resumed:
            have = file.seek(0)
            file.truncate()
            _refuse_type(response, remote)
        if remote.size is not None and total not in (None, remote.size):
            raise SourceError(
                f"{remote.url} has {total:,} bytes, its publisher lists {remote.size:,}: try again "
                "later",
                url=remote.url, by_hand=True,
            )  # fmt: skip
        if total is not None and shutil.disk_usage(state.parent).free < total - have:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_json(state, {"url": remote.url, "validator": _validator(response)})
        report(remote.name, have, total)
        for block in response.iter_content(_BLOCK) if have != total else ():
            if have == 0:
                _refuse_beginning(block, remote)
            have += file.write(block)
            report(remote.name, have, total)
    if total is not None and have != total:
        raise _Passing(f"breaks off after {have:,} of {total:,} bytes")
    return resumed


def _range(response: requests.Response) -> tuple[int, int | None]:
    """Where the bytes of an answer begin in the file, and how long the file is."""
    if response.status_code == 200:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    text = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", text.strip())
    if match is None:
        return -1, None
    total = int(match[2])
    return (int(match[1]) if match[1] else total), total  # 416: nothing is left to send


def _validator(response: requests.Response) -> str | None:
    """What the server would know this version of the file by."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")


def _refuse_type(response: requests.Response, remote: Remote) -> None:
    """Raise if an answer says that it is a web page, or compressed though not asked to be."""
    if "html" in response.headers.get("Content-Type", "").lower():
        raise _web_page(remote)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise SourceError(
            f"{remote.url} is sent compressed and cannot be checked: get it another way",
            url=remote.url, by_hand=True,
        )  # fmt: skip


def _refuse_beginning(block: bytes, remote: Remote) -> None:
    """Raise if the first bytes are those of a web page, or not of a zip where one is expected."""
    try:
        refuse_web_page(block[:200], remote.name)
    except SourceError as error:
        raise _web_page(remote) from error
    if remote.name.lower().endswith(_ZIPS) and not block.startswith(b"PK"):
        raise SourceError(
            f"{remote.url} does not begin like a {Path(remote.name).suffix} file: look at it in a "
            "browser",
            url=remote.url, by_hand=True,
        )  # fmt: skip


def _web_page(remote: Remote) -> SourceError:
    return SourceError(
        f"{remote.url} answers with a web page instead of {remote.name}: look at it in a browser",
        url=remote.url, by_hand=True,
    )  # fmt: skip


def _checked(
    remote: Remote, file: BinaryIO, part: Path, resumed: bool, report: Progress
) -> dict[str, Any]:
    """Compare a complete download with what is published; return its record."""
    file.flush()
    os.fsync(file.fileno())
    report(f"checking {remote.name}", file.tell(), file.tell())
    record = record_of(part, remote)
    wrong = difference(record, remote)
    if wrong is None and remote.name.lower().endswith(_ZIPS):
        wrong = damage(part)
    if wrong is None:
        return {**record, "fetched": datetime.datetime.now(datetime.UTC).date().isoformat()}
    file.truncate(0)
    if resumed:  # perhaps two versions were spliced: once more, from its beginning
        raise _Passing(f"gave a file that {wrong}")
    kind = HashMismatch if wrong.startswith("has the checksum") else SourceError
    raise kind(
        f"{remote.name} from {remote.url} {wrong}: fetch it again later",
        url=remote.url, by_hand=True,
    )  # fmt: skip


@contextmanager
def _alone(part: Path) -> Iterator[BinaryIO]:
    """Open an unfinished download, if no other process is at it; leave none that is empty."""
    with open(os.open(part, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = os.path.samestat(os.fstat(file.fileno()), part.stat())
        except (BlockingIOError, FileNotFoundError):
            mine = False
        if not mine:
            raise SourceError(f"{part} is being written by another process: wait for it", path=part)
        try:
            yield file
        finally:
            if part.exists() and not file.seek(0, os.SEEK_END):
                part.unlink()
                part.with_name(part.name + ".json").unlink(missing_ok=True)


def _disk_full(folder: Path, part: Path, size: int | None) -> SourceError:
    free = _megabytes(shutil.disk_usage(folder).free)
    needed = "" if size is None else f" of {_megabytes(size)} needed"
    return SourceError(
        f"{folder}: the disk is full ({free} free{needed}): make room and run the same command "
        f"again to go on with {part.name}, or fetch into another folder",
        path=folder,
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
