"""What if purchases came from elsewhere: shifts of imports at constant use, and bans of exports."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from carbonflows.accounts.gateway import positions_of
from carbonflows.change.scenario import number, solved, told
from carbonflows.errors import DataError, some
from carbonflows.labels import Array
from carbonflows.table import IOTable


def with_sourcing(
    table: IOTable,
    product: str | Sequence[str],
    importer: str | Sequence[str],
    *,
    shift: float | None = None,
    share: float | None = None,
    exporters: str | Sequence[str] | None = None,
) -> IOTable:
    """Raise or lower the imported share of products in a region, at constant use.

    Parameters
    ----------
    table : IOTable
    product, importer : str or sequence of str
        Sectors, and regions that use them; each pair is changed by itself.
    shift : float, optional
        Change of the imported share of all use of the product in the region [1]: 0.05 is five
        percentage points.
    share : float, optional
        New imported share instead [1].
    exporters : str or sequence of str, optional
        Regions that additional imports come from, or lost ones came from. Default: all others.

    Returns
    -------
    IOTable
        Every user, final ones too, moves the same fraction of its domestic purchases abroad, or of
        its imports home. Origins keep their proportions in each column; where a column imports
        nothing, or has negative cells, additional imports take those of the region. Column sums by
        product are unchanged per unit of output. Output is ``x = L y`` [money/yr], with the shares
        before and after, at the old output, in the provenance.

    Raises
    ------
    LabelError
        Unknown names.
    DataError
        A share out of reach, nothing to move, or no imports to take the origins from.

    Notes
    -----
    Raising the share from M to M' moves ``(M' − M) / (1 − M)`` of domestic purchases; lowering it
    moves ``(M − M') U`` out of the named exporters' deliveries, U being all use.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> new = with_sourcing(two_regions(), "goods", "A", share=0.5)
    >>> (new.Z / new.x).round(4).to_numpy().tolist()  # column A: 20 + 30 of 100, as before
    [[0.1571, 0.1], [0.3429, 0.4]]
    """
    if (shift is None) == (share is None):
        raise DataError("shift and share: give one of them")
    asked = number(shift if share is None else share, "shift or share", signed=share is None)
    rows, both, before, after = _origins(table), _both(table), {}, {}
    for r in positions_of(table.regions, importer, "importer"):
        columns = _columns(table, r)
        for s in positions_of(table.sectors, product, "product"):
            label = (str(table.regions[r]), str(table.sectors[s]))
            home, abroad = rows(s, [r]), rows(s, None, [r])
            used, bought = both[np.ix_(home, columns)], both[np.ix_(abroad, columns)]
            total = used.sum() + bought.sum()
            old = float(bought.sum() / total) if total else 0.0
            new = asked if share is not None else old + asked
            if not (len(home) and total > 0 and 0 <= new <= 1):
                raise DataError(
                    f"imported share of {some([label])} is {old:.4g} and cannot become {new:.4g}: "
                    "name a product made and used there, and a share from 0 to 1"
                )
            if exporters is not None:
                away = positions_of(table.regions, exporters, "exporters")
                abroad = rows(s, list(away), [r])
                bought = both[np.ix_(abroad, columns)]
            if new > old:
                gone = used * ((new - old) * total / used.sum())
                both[np.ix_(home, columns)] -= gone
                both[np.ix_(abroad, columns)] += gone * _mix(bought, label)
            elif new < old:
                moved = (old - new) * total
                if not moved <= bought.sum() * (1 + 1e-12):
                    raise DataError(
                        f"{some([label])}: exporters sell {bought.sum():.4g} {table.unit} but "
                        f"{moved:.4g} were to be moved home: name more exporters"
                    )
                gone = bought * (moved / bought.sum())
                both[np.ix_(abroad, columns)] -= gone
                both[np.ix_(home, columns)] += gone.sum(axis=0)
            before["/".join(label)], after["/".join(label)] = old, float(new)
    step = {
        "edit": "with_sourcing", "shift": shift, "share": share, "exporters": told(exporters),
        "imported_share_before": before, "imported_share_after": after,
    }  # fmt: skip
    n = len(table.nodes)
    return solved(table, step, Z=both[:, :n], Y=both[:, n:])


def without(
    table: IOTable,
    seller: str | Sequence[str],
    buyer: str | Sequence[str],
    *,
    replaced: Literal["home", "others", "lost"],
    product: str | Sequence[str] | None = None,
) -> IOTable:
    """Stop the deliveries of some regions to others, as an export ban does.

    Parameters
    ----------
    table : IOTable
    seller, buyer : str or sequence of str
        Regions; none may be both.
    replaced : {"home", "others", "lost"}
        Who delivers instead: the buying region itself, all other origins in the proportions of the
        column (of the region where a column has none, or negative cells), or nobody; then users do
        with less and the inputs saved count as value added.
    product : str or sequence of str, optional
        Sectors; all if left out.

    Returns
    -------
    IOTable
        Of output ``x = L y`` [money/yr]; the flows stopped, at the old output, are in the
        provenance.

    Raises
    ------
    LabelError
        Unknown names.
    DataError
        A region that is seller and buyer, or use that nobody else can replace.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> without(two_regions(), "B", "A", replaced="home").Z.round(2).to_numpy().tolist()
    [[83.33, 3.33], [0.0, 13.33]]
    """
    if replaced not in ("home", "others", "lost"):
        raise DataError(f"replaced={replaced!r} is not known: use 'home', 'others' or 'lost'")
    sellers = positions_of(table.regions, seller, "seller")
    buyers = positions_of(table.regions, buyer, "buyer")
    if twice := [str(table.regions[r]) for r in sellers if r in buyers]:
        raise DataError(f"{some(twice)} is seller and buyer: name different regions")
    wanted = list(table.sectors) if product is None else product
    rows, both, stopped = _origins(table), _both(table), 0.0
    for r in buyers:
        columns = _columns(table, r)
        for s in positions_of(table.sectors, wanted, "product"):
            banned = rows(s, list(sellers))
            gone = both[np.ix_(banned, columns)].sum(axis=0)
            if not both[np.ix_(banned, columns)].any():
                continue
            stopped += float(gone.sum())
            both[np.ix_(banned, columns)] = 0.0
            if replaced == "lost":
                continue
            others = rows(s, [r]) if replaced == "home" else rows(s, None, list(sellers))
            label = (str(table.regions[r]), str(table.sectors[s]))
            if replaced == "home" and not len(others):
                raise DataError(
                    f"{some([label])} does not exist, so nothing at home replaces it: use "
                    "replaced='others' or 'lost'"
                )
            block = both[np.ix_(others, columns)]
            mix = np.ones(1) if replaced == "home" else _mix(block, label)
            both[np.ix_(others, columns)] = block + gone * (mix if mix.ndim == 2 else mix[:, None])
    step = {
        "edit": "without", "seller": told(seller), "buyer": told(buyer), "product": told(product),
        "replaced": replaced, "stopped": stopped,
    }  # fmt: skip
    n = len(table.nodes)
    return solved(table, step, Z=both[:, :n], Y=both[:, n:])


def _both(table: IOTable) -> Array:
    """Intermediate flows and final demand side by side, to be edited."""
    return np.concatenate([table.Z.to_numpy(), table.Y.to_numpy()], axis=1)


def _columns(table: IOTable, region: int) -> npt.NDArray[np.intp]:
    """Positions of a region's columns in `_both`."""
    return np.flatnonzero(np.concatenate([table.node_region, table.demand_region]) == region)


def _origins(table: IOTable) -> Callable[..., Any]:
    """Find positions of a sector's nodes in some regions, or in all but some."""
    sector = table.sectors.get_indexer(table.nodes.get_level_values("sector"))

    def rows(s: int, inside: Sequence[int] | None, outside: Sequence[int] = ()) -> Any:
        here = (sector == s) & ~np.isin(table.node_region, list(outside))
        return np.flatnonzero(here if inside is None else here & np.isin(table.node_region, inside))

    return rows


def _mix(block: Array, label: tuple[str, str]) -> Array:
    """Proportions of origins (rows) in each column; those of all columns where it has none."""
    usable = (block >= 0).all(axis=0)
    total = block.sum(axis=0)
    whole = block[:, usable].sum(axis=1)
    own = usable & (total > 0)
    if not own.any():
        raise DataError(
            f"{some([label])} is bought from none of the origins that should deliver: name others"
        )
    mix = np.tile((whole / whole.sum())[:, None], block.shape[1])
    mix[:, own] = block[:, own] / total[own]
    return mix
