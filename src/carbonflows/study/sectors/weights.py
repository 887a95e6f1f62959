"""Weights of sectors taken apart: from a study's words to a table, and made larger or smaller."""

from collections.abc import Mapping, Sequence
from typing import Any

from carbonflows.errors import StudyError
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
    """Multiply the odds of all shares of one part, the others' shares in proportion.

    Parameters
    ----------
    split : SplitSpec
        As a study that runs has it.
    name : str
        The part.
    factor : float
        What the odds ``s / (1 − s)`` of each of its shares s are multiplied by. A share stays
        between 0 and 1 whatever the factor, so that nothing is cut, and 0 and 1 stay what they are.

    Returns
    -------
    SplitSpec

    Raises
    ------
    StudyError
        Partners written otherwise in one part than in another.

    Examples
    --------
    >>> halves = SplitSpec(sector="s", parts={"a": PartSpec(output=0.5), "b": PartSpec(output=0.5)})
    >>> {name: round(part.output, 3) for name, part in scaled(halves, "a", 2.0).parts.items()}
    {'a': 0.667, 'b': 0.333}
    """

    def share(shares: Mapping[str, float]) -> dict[str, float]:
        before = shares[name]
        mine = factor * before / (1 - before + factor * before)
        left = (1 - mine) / (1 - before) if before < 1 else 0.0
        return {other: mine if other == name else s * left for other, s in shares.items()}

    def weight(field: str) -> dict[str, Any]:
        given = {other: getattr(part, field) for other, part in split.parts.items()}
        if all(value is None for value in given.values()):
            return given
        by_region = [value for value in given.values() if isinstance(value, dict)]
        if not by_region:
            return share(given)
        found: dict[str, dict[str, float]] = {other: {} for other in given}
        for region in sorted(set.intersection(*map(set, by_region))):
            here = {o: v[region] if isinstance(v, dict) else v for o, v in given.items()}
            for other, value in share(here).items():
                found[other][region] = value
        return found

    def partners(field: str) -> dict[str, dict[str, float]]:
        given = {other: getattr(part, field) for other, part in split.parts.items()}
        if any(shares.keys() != given[name].keys() for shares in given.values()):
            raise StudyError(
                f"{field} of {split.sector}: the parts name their partners otherwise; write them "
                "alike in every part"
            )
        by_key = {
            key: share({other: shares[key] for other, shares in given.items()})
            for key in given[name]
        }
        return {other: {key: by_key[key][other] for key in by_key} for other in given}

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
