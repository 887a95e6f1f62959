"""A Zarr v3 group as files: arrays in blocks of rows, in a folder or in one zip file.

The files of a group come one by one and the one that makes it a group comes last. Chunks pass
through memory in small batches and in a fixed order: a large table is never held twice, and the
same table always gives the same bytes.
"""

import asyncio
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from carbonflows.labels import Array
from carbonflows.streamed import BLOCK, rows_in

ROOT = "zarr.json"
T = TypeVar("T")
_FLUSH = 16 << 20  # bytes of numbers encoded before they go to the disk


def array_files(
    name: str, shape: tuple[int, ...], blocks: Iterable[Array]
) -> Iterator[tuple[str, bytes]]:
    """Encode an array whose rows come in blocks of any length.

    Parameters
    ----------
    name : str
    shape : tuple of int
    blocks : iterable of array
        Its rows, from top to bottom.

    Yields
    ------
    name : str
        File within the group.
    content : bytes
    """
    import zarr
    from zarr.codecs import BloscCodec
    from zarr.storage import MemoryStore

    size = 8 * int(np.prod(shape))
    columns = int(np.prod(shape[1:]))
    rows = min(rows_in(BLOCK, columns), max(1, shape[0]))
    files: dict[str, Any] = {}
    group = zarr.create_group(MemoryStore(files))
    array = group.create_array(
        name,
        shape=shape,
        chunks=(rows, *(max(1, length) for length in shape[1:])),
        dtype="<f8",
        # The slowest level makes small files a fifth smaller and costs nothing there.
        compressors=BloscCodec(
            cname="zstd", clevel=9 if size <= BLOCK else 5, shuffle="shuffle", typesize=8
        ),
    )
    for start, batch in _batches(blocks, shape, rows * rows_in(_FLUSH, rows * columns)):
        with settled():
            array[start : start + len(batch)] = batch
        yield from _taken(files)
    yield from _taken(files)


def _batches(
    blocks: Iterable[Array], shape: tuple[int, ...], step: int
) -> Iterator[tuple[int, Array]]:
    """Join and cut blocks to a number of rows; a batch is valid until the next is asked for."""
    if 0 in shape:
        return
    room = np.empty((min(step, shape[0]), *shape[1:]))
    start, filled = 0, 0
    for block in blocks:
        done = 0
        while done < len(block):
            part = block[done : done + len(room) - filled]
            room[filled : filled + len(part)] = part
            done, filled = done + len(part), filled + len(part)
            if filled == len(room) or start + filled == shape[0]:
                yield start, room[:filled]
                start, filled = start + filled, 0


def _taken(files: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    for key in sorted(files):
        if key != ROOT:
            yield key, files.pop(key).to_bytes()


def root_file(attributes: Mapping[str, Any]) -> tuple[str, bytes]:
    """Encode the file that makes a folder a group, with the group's attributes."""
    import zarr
    from zarr.storage import MemoryStore

    files: dict[str, Any] = {}
    zarr.create_group(MemoryStore(files), attributes=dict(attributes))
    return ROOT, files[ROOT].to_bytes()


def write_files(files: Iterable[tuple[str, bytes]], path: Path, *, zipped: bool) -> None:
    """Write files as they come, into a new zip file or a new folder."""
    if not zipped:
        path.mkdir()
        for key, content in files:
            target = path / key
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return
    with zipfile.ZipFile(path, "x") as archive:
        for key, content in files:
            # A fixed time stamp: the same table gives the same file.
            entry = zipfile.ZipInfo(key, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            packed = zipfile.ZIP_DEFLATED if key.endswith(".json") else zipfile.ZIP_STORED
            archive.writestr(entry, content, compress_type=packed)


@contextmanager
def group_at(path: Path) -> Iterator[Any]:
    """Open the group in a folder or zip file for reading.

    Yields
    ------
    zarr.Group
    """
    import zarr
    from zarr.storage import LocalStore, ZipStore

    store = LocalStore(path, read_only=True) if path.is_dir() else ZipStore(path, mode="r")
    try:
        with settled():
            yield zarr.open_group(store, mode="r")
    finally:
        store.close()


@contextmanager
def settled() -> Iterator[None]:
    """Let zarr's own thread end what it was asked for if the asking is broken off.

    Ctrl-C, or a damaged chunk among sound ones, ends a call to zarr while its tasks go on; the
    interpreter would complain of each of them if it ended first.
    """
    try:
        yield
    except BaseException:
        with suppress(Exception):  # an unknown version of zarr may be noisy, but not fail
            from zarr.core.sync import sync

            sync(_other_tasks(), timeout=10)
        raise


async def _other_tasks() -> None:
    """Wait for all other tasks of the loop that this runs in."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


def ahead(items: Iterator[T]) -> Iterator[T]:
    """Make the next item in a thread while the current one is being used.

    Parameters
    ----------
    items : iterator
        Advanced by one thread only; closed at the end, also if the consumer stops early.

    Yields
    ------
    item
        In order. What `items` raises is raised here, and no thread is left behind.

    Examples
    --------
    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    end: Any = object()
    try:
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(next, items, end)
            while (item := coming.result()) is not end:
                coming = pool.submit(next, items, end)
                yield item
    finally:
        if hasattr(items, "close"):
            items.close()


def rows_of(array: Any) -> Iterator[tuple[int, Array]]:
    """Read an array of a group in blocks of rows that are whole chunks.

    Yields
    ------
    start : int
    block : array
    """
    length, chunk = array.shape[0], array.chunks[0]
    step = chunk * rows_in(2 * BLOCK, chunk * int(np.prod(array.shape[1:])))
    for start in range(0, length, step):
        yield start, np.asarray(array[start : start + step], dtype=np.float64)
