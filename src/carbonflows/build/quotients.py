"""Location quotients: how far a region can serve itself, guessed from what it makes."""

from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some, suggested
from carbonflows.labels import Array, repeated

Quotient: TypeAlias = Literal["slq", "cilq", "rlq", "flq", "aflq"]
Regionalisation: TypeAlias = Quotient | Literal["pool"]


def location_quotients(
    output: pd.DataFrame,
    method: Quotient = "flq",
    *,
    delta: float = 0.3,
    national: pd.Series | None = None,
) -> pd.DataFrame:
    r"""Ratios of regional to national specialisation.

    Parameters
    ----------
    output : DataFrame (r, h)
        Output (or employment) by region and sector, not negative [any one unit].
    method : {"flq", "aflq", "slq", "cilq", "rlq"}
        Simple (``slq``), cross-industry (``cilq``), Round's (``rlq``), Flegg's (``flq``) or
        Flegg's augmented (``aflq``) quotient.
    delta : float
        Exponent of the size of the region in ``flq`` and ``aflq``, from 0 to below 1. Fitted values
        lie around 0.25 to 0.35.
    national : Series (h,), optional
        Output of the nation; by default the sum of the regions, which then must be all of them.

    Returns
    -------
    DataFrame
        ``slq``: (r, h), region by selling sector. All others: (r·h, h), rows ``(region, selling
        sector)``, columns buying sectors. Not cut at 1. NaN where the nation has no such selling
        sector or the region no such buying sector.

    Raises
    ------
    LabelError
        A region or sector that is there twice, a national total that is missing, or a method that
        is unknown.
    DataError
        Output that is negative or not finite, a region without output, regions that make more than
        the nation, or a `delta` outside [0, 1).

    Notes
    -----
    With regional output ``x_i^r`` and national output ``x_i``:

    * ``SLQ_i = (x_i^r / x^r) / (x_i / x)``
    * ``CILQ_ij = SLQ_i / SLQ_j``, and ``SLQ_i`` on the diagonal (Smith and Morrison 1974)
    * ``RLQ_ij = SLQ_i / log2(1 + SLQ_j)``
    * ``FLQ_ij = CILQ_ij λ`` with ``λ = [log2(1 + x^r / x)]^δ``
    * ``AFLQ_ij = FLQ_ij log2(1 + SLQ_j)`` where ``SLQ_j > 1``, else ``FLQ_ij``

    References
    ----------
    Miller and Blair (2009), section 8.2. Round (1978). Flegg and Webber (1997, 2000). Flegg and
    Tohmo (2013).

    Examples
    --------
    >>> output = pd.DataFrame(
    ...     [[30.0, 20], [50, 100]], ["north", "south"], ["goods", "services"]
    ... )
    >>> location_quotients(output, "slq").round(3).loc["north"].tolist()
    [1.5, 0.667]
    >>> location_quotients(output, "cilq").loc["north"].round(3).to_numpy().tolist()
    [[1.5, 2.25], [0.444, 0.667]]
    """
    own, whole = _outputs(output, national)
    if method not in get_args(Quotient):
        known = get_args(Quotient)
        way = suggested([str(method)], known, f"choose from {some(known, 9)}")
        raise LabelError(f"location quotient {str(method)!r} is not known; {way}")
    if not 0 <= delta < 1:
        raise DataError(f"delta = {delta} is outside [0, 1); 0.25 to 0.35 is usual")
    size = own.sum(axis=1)
    share = np.divide(own, whole, out=np.full(own.shape, np.nan), where=whole > 0)
    slq = share * (whole.sum() / size)[:, None]
    regions, sectors = output.index, output.columns
    if method == "slq":
        return pd.DataFrame(slq, regions, sectors)
    buyer = np.where(slq > 0, slq, np.nan)[:, None, :]
    if method == "rlq":
        quotients = slq[:, :, None] / np.log2(1 + buyer)
    else:
        quotients = slq[:, :, None] / buyer
        diagonal = np.arange(len(sectors))
        quotients[:, diagonal, diagonal] = np.where(slq > 0, slq, np.nan)
    if method in ("flq", "aflq"):
        quotients *= region_size(size, whole.sum(), delta)[:, None, None]
    if method == "aflq":
        quotients *= np.where(buyer > 1, np.log2(1 + buyer), 1.0)
    rows = pd.MultiIndex.from_product([regions, sectors], names=["region", "sector"])
    return pd.DataFrame(quotients.reshape(-1, len(sectors)), rows, sectors)


def region_size(output: Array, national: float, delta: float) -> Array:
    """Flegg's λ: 1 for a region that is the nation, towards 0 for a small one.

    Parameters
    ----------
    output : array (r,)
        Total output of regions [any one unit].
    national : float
        Total output of the nation [same unit].
    delta : float

    Returns
    -------
    array (r,)

    Examples
    --------
    >>> region_size(np.array([50.0, 200]), 200.0, 0.3).round(5).tolist()
    [0.71175, 1.0]
    """
    sized: Array = np.log2(1 + output / national) ** delta
    return sized


def self_supply(output: pd.DataFrame, method: Regionalisation, delta: float) -> tuple[Array, Array]:
    """Share of its purchases from inside the country that a region makes itself, at most 1.

    Parameters
    ----------
    output : DataFrame (r, h)
        Output by region and sector.
    method : {"flq", "aflq", "slq", "cilq", "rlq", "pool"}
        A location quotient, or ``pool``: all, as far as supply allows.
    delta : float

    Returns
    -------
    inputs : array (r, h, h) or (r, h, 1)
        By product and buying sector; zero where the quotient does not exist.
    final : array (r, h)
        By product, for final use, which is no sector: the simple quotient, times λ for ``flq`` and
        ``aflq``, as for purchases of a sector from itself.

    Examples
    --------
    >>> output = pd.DataFrame([[30.0, 20], [50, 100]], ["north", "south"], ["goods", "services"])
    >>> inputs, final = self_supply(output, "cilq", 0.3)
    >>> inputs[0].round(3).tolist(), final[0].round(3).tolist()
    ([[1.0, 1.0], [0.444, 0.667]], [1.0, 0.667])
    """
    if method == "pool":
        return np.ones((*output.shape, 1)), np.ones(output.shape)
    inputs = location_quotients(output, method, delta=delta).fillna(0.0).to_numpy()
    final = location_quotients(output, "slq").fillna(0.0).to_numpy()
    if method in ("flq", "aflq"):
        size = output.sum(axis=1).to_numpy()
        final = final * region_size(size, size.sum(), delta)[:, None]
    # A simple quotient is the same for all buyers.
    return np.minimum(inputs.reshape(*output.shape, -1), 1), np.minimum(final, 1)


def described(method: Regionalisation, delta: float) -> str:
    """A regionalisation in words.

    Parameters
    ----------
    method : {"flq", "aflq", "slq", "cilq", "rlq", "pool"}
    delta : float

    Returns
    -------
    str

    Examples
    --------
    >>> described("flq", 0.3), described("pool", 0.3)
    ('flq location quotients, delta 0.3', 'supply-demand pool')
    """
    if method == "pool":
        return "supply-demand pool"
    exponent = f", delta {delta:g}" if method in ("flq", "aflq") else ""
    return f"{method} location quotients{exponent}"


def _outputs(output: pd.DataFrame, national: pd.Series | None) -> tuple[Array, Array]:
    """Regional and national output as arrays, checked."""
    for labels, kind in ((output.index, "region"), (output.columns, "sector")):
        if twice := repeated(labels):
            raise LabelError(f"output: {kind} {some(twice)} is there twice; name each once")
    own = output.to_numpy(dtype=float)
    bad = ~(np.isfinite(own) & (own >= 0))
    if bad.any():
        r, i = np.argwhere(bad)[0]
        raise DataError(
            f"output of {some([(output.index[r], output.columns[i])])} is {own[r, i]:g}; "
            "give finite numbers that are not negative"
        )
    if len(none := output.index[own.sum(axis=1) == 0]):
        raise DataError(f"region {some(none)} has no output at all; leave it out")
    if national is None:
        return own, own.sum(axis=0)
    if missing := [s for s in output.columns if s not in national.index]:
        raise LabelError(f"national output lacks {some(missing)}; give every sector of output")
    if twice := repeated(national.index):
        raise LabelError(f"national output: {some(twice)} is there twice; name each once")
    whole = national.loc[output.columns].to_numpy(dtype=float)
    # Written so that NaN is caught too.
    if len(over := output.columns[~(own.sum(axis=0) <= whole * (1 + 1e-9))]):
        raise DataError(f"regions make more of {some(over)} than the nation; check units and year")
    return own, whole
