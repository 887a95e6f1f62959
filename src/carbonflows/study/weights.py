"""Weights of sectors taken apart: from a study's words to a table, and made larger or smaller."""

from collections.abc import Mapping, Sequence
from typing import Any

from carbonflows.splitting import FINAL, Part, disaggregate
from carbonflows.study.named import whichever
from carbonflows.study.spec import PartSpec, SplitSpec
from carbonflows.table import IOTable


def split_table(table: IOTable, splits: Sequence[SplitSpec]) -> IOTable:
    """Take all sectors of a study apart.

    Parameters
    ----------
    table : IOTable
    splits : sequence of SplitSpec

    Returns
    -------
    IOTable
        The table itself where there is nothing to split.

    Raises
    ------
    StudyError
        A sector that the table does not have.
    LabelError, DataError
        As `carbonflows.disaggregate`.
    """
    for split in splits:
        sector = whichever(table, split.sector, split.sector)[0]
        table = disaggregate(table, sector, _parts(split, table))
    return table


def _parts(split: SplitSpec, table: IOTable) -> dict[str, Part]:
    """Read the parts of a split in the words of a table."""

    def partners(shares: Mapping[str, float]) -> dict[str, float]:
        return {
            FINAL if key == FINAL else whichever(table, key, split.sector)[0]: v
            for key, v in shares.items()
        }

    def part(spec: PartSpec) -> Part:
        return Part(
            spec.output, sales=partners(spec.sales), inputs=partners(spec.inputs),
            emissions=spec.emissions,
        )  # fmt: skip

    return {name: part(spec) for name, spec in split.parts.items()}


def scaled(split: SplitSpec, name: str, factor: float) -> SplitSpec:
    """Make all shares of one part larger or smaller, the others' in proportion."""

    def share(shares: Mapping[str, float]) -> dict[str, float]:
        mine = min(1.0, factor * shares[name])
        rest = 1 - shares[name]
        return {
            other: mine if other == name else value * (1 - mine) / rest if rest else 0.0
            for other, value in shares.items()
        }

    def weight(field: str) -> dict[str, Any]:
        given = {other: getattr(part, field) for other, part in split.parts.items()}
        if all(value is None for value in given.values()):
            return given
        given = {
            other: split.parts[other].output if value is None else value
            for other, value in given.items()
        }
        regions = next((list(v) for v in given.values() if isinstance(v, dict)), None)
        if regions is None:
            return share(given)
        by_region = {
            region: share({o: v[region] if isinstance(v, dict) else v for o, v in given.items()})
            for region in regions
        }
        return {o: {region: by_region[region][o] for region in regions} for o in given}

    def partners(field: str) -> dict[str, dict[str, float]]:
        keys = dict.fromkeys(key for part in split.parts.values() for key in getattr(part, field))
        by_key = {
            key: share({o: getattr(part, field).get(key, 0.0) for o, part in split.parts.items()})
            for key in keys
        }
        return {other: {key: by_key[key][other] for key in keys} for other in split.parts}

    output, emitted = weight("output"), weight("emissions")
    sales, inputs = partners("sales"), partners("inputs")
    parts = {
        other: PartSpec(
            output=output[other], emissions=emitted[other], sales=sales[other],
            inputs=inputs[other],
        )
        for other in split.parts
    }  # fmt: skip
    return split.model_copy(update={"parts": parts})
