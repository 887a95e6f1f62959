"""Writes header array files as GEMPACK does: records, chunks, full and sparse arrays."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

BLANK = b"    "


def record(*parts: bytes) -> bytes:
    text = b"".join(parts)
    return struct.pack("<i", len(text)) + text + struct.pack("<i", len(text))


def ints(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}i", *(int(v) for v in values))


def text_chunks(texts: Sequence[str], width: int, chunk: int = 2400) -> bytes:
    parts = [texts[i : i + chunk] for i in range(0, len(texts), chunk)] or [[]]
    return b"".join(
        record(
            BLANK,
            ints(len(parts) - k, len(texts), len(part)),
            *(t.encode("latin-1").ljust(width) for t in part),
        )
        for k, part in enumerate(parts)
    )


def beginning(name: str, kind: str, storage: str, title: str, shape: Sequence[int]) -> bytes:
    about = kind.encode() + storage.encode() + title.encode("latin-1").ljust(70)[:70]
    return record(name.encode().ljust(4)) + record(BLANK, about, ints(len(shape), *shape))


def texts_header(name: str, texts: Sequence[str], width: int = 12, chunk: int = 2400) -> bytes:
    return beginning(name, "1C", "FULL", f"Set {name}", (len(texts), width)) + text_chunks(
        texts, width, chunk
    )


def matrix_header(name: str, values: Any, chunk: int = 7991) -> bytes:
    """A 2I or 2R header in blocks of whole columns."""
    values = np.asarray(values)
    whole = np.issubdtype(values.dtype, np.integer)
    rows, columns = values.shape
    step = max(1, chunk // rows)
    blocks = [(c, min(columns, c + step)) for c in range(0, columns, step)]
    return beginning(name, "2I" if whole else "2R", "FULL", name, values.shape) + b"".join(
        record(
            BLANK,
            ints(len(blocks) - k, rows, columns, 1, rows, a + 1, b),
            values[:, a:b].astype("<i4" if whole else "<f4").tobytes(order="F"),
        )
        for k, (a, b) in enumerate(blocks)
    )


def set_record(coefficient: str, sets: Sequence[str], labels: Sequence[Any]) -> bytes:
    """Names and states of the sets, then the elements of each known one, once."""
    status, lists, single = "", {}, b""
    for name, elements in zip(sets, labels, strict=True):
        if elements is None:
            status += "u"
        elif isinstance(elements, str):
            status += "e"
            single += elements.encode().ljust(12)
        else:
            status += "k"
            lists.setdefault(name, elements)
    names = b"".join(name.encode().ljust(12) for name in sets)
    head = record(
        BLANK, ints(len(lists), -1, len(sets)), coefficient.encode().ljust(12), ints(-1),
        names, status.encode(), ints(*[0] * len(sets)), ints(len(single) // 12), single,
    )  # fmt: skip
    return head + b"".join(text_chunks(list(e), 12) for e in lists.values())


def real_header(
    name: str,
    values: Any,
    sets: Sequence[str] = (),
    labels: Sequence[Any] = (),
    *,
    sparse: bool = False,
    chunk: int = 7996,
    kind: str | None = None,
) -> bytes:
    """An RE header (RL without sets), in full or sparse, in chunks of about that many numbers."""
    values = np.asarray(values, dtype=np.float64)
    kind = kind or ("RE" if sets else "RL")
    number = "<f8" if kind[0] == "D" else "<f4"
    shape = (*values.shape, *[1] * (7 - values.ndim))
    out = beginning(name, kind, "SPSE" if sparse else "FULL", f"{name} array", shape)
    if kind[1] == "E":
        out += set_record(name, sets, labels)
    if not sparse:
        return out + full_chunks(values.reshape(shape), number, chunk)
    flat = values.reshape(-1, order="F")
    places = np.flatnonzero(flat)
    out += record(BLANK, ints(len(places), 4, int(number[-1])), b" " * 80)
    parts = [places[i : i + chunk] for i in range(0, len(places), chunk)] or [places]
    for k, part in enumerate(parts):
        out += record(
            BLANK, ints(len(parts) - k, len(places), len(part)),
            (part + 1).astype("<i4").tobytes(), flat[part].astype(number).tobytes(),
        )  # fmt: skip
    return out


def full_chunks(values: Any, number: str, chunk: int) -> bytes:
    """Split along the first dimension whose blocks no longer fit, as GEMPACK does."""
    shape = values.shape
    axis = next((k for k in range(7) if np.prod(shape[: k + 1]) > chunk), 6)
    step = max(1, int(chunk // max(1, np.prod(shape[:axis]))))
    outer = list(np.ndindex(*shape[axis + 1 :][::-1]))
    blocks = []
    for place in outer:
        after = tuple(reversed(place))
        for start in range(0, shape[axis], step):
            end = min(shape[axis], start + step)
            ends = [(1, n) for n in shape[:axis]] + [(start + 1, end)]
            ends += [(k + 1, k + 1) for k in after]
            index = tuple(slice(a - 1, b) for a, b in ends)
            blocks.append((ends, values[index].astype(number).tobytes(order="F")))
    left = 2 * len(blocks) + 1
    out = [record(BLANK, ints(left, 7, *shape))]
    for ends, numbers in blocks:
        out.append(record(BLANK, ints(left - 1, *(x for pair in ends for x in pair))))
        out.append(record(BLANK, ints(left - 2), numbers))
        left -= 2
    return b"".join(out)


def har(headers: Mapping[str, tuple[Any, Sequence[str], Sequence[Any]]], **options: Any) -> bytes:
    """Write real headers: name → numbers, sets, elements."""
    return b"".join(real_header(name, *parts, **options) for name, parts in headers.items())
