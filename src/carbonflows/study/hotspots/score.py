"""How well maps of estimates find a country whose every emitter is known."""

from dataclasses import replace

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import emissions
from carbonflows.build.synthetic.emitters import true_pattern
from carbonflows.grid.cities import city_flows
from carbonflows.grid.hotspots import hotspot_mask
from carbonflows.grid.lorenz import lorenz
from carbonflows.grid.nodes import node_account
from carbonflows.grid.ranks import summed_blocks
from carbonflows.labels import Array
from carbonflows.solve import Leontief
from carbonflows.study.hotspots.mapped import Mapped

COARSER = (1, 2, 5, 10)
"""Cells joined to a side, for how far from their true place emissions are."""


def places_scored(found: Mapped) -> pd.DataFrame:
    """Compare what is driven from abroad in each cell with the truth.

    Parameters
    ----------
    found : Mapped
        Of the synthetic country.

    Returns
    -------
    DataFrame
        ``what``, ``truth``, ``found``, ``unit``: shares of emissions in a wrong cell, at several
        sizes of cells and with only the places or only the table estimated, the land that holds
        the study's share, hotspots in common, and the rank of cities.
    """
    places, country = found.places, found.country
    assert places.truth is not None
    assert country.truth is not None
    pattern, nodes = true_pattern(places.truth, places.grid)
    true_table = country.truth.truth
    load = emissions(true_table, country.load.name, households=False, unit=country.load.unit)
    account = node_account(Leontief(true_table), load)
    truth = _driven(found, pattern, nodes, account)
    own = found.abroad
    right_places = _driven(found, pattern, nodes, own.caused)
    carried = account.reindex(index=own.caused.index, columns=own.caused.columns).fillna(0.0)
    right_table = replace(own, caused=carried).map().to_numpy()
    ours = np.asarray(found.maps["driven from abroad"])
    rows: list[tuple[str, float, float, str]] = [
        ("driven from abroad", float(truth.sum()), float(ours.sum()), found.gridded.unit)
    ]
    size = places.grid.width / 1e3
    rows += [
        (f"in a wrong cell of {size * by:g} km", 0.0, 100 * _misplaced(ours, truth, by), "%")
        for by in COARSER
    ]
    rows += [
        ("in a wrong cell, only places estimated", 0.0, 100 * _misplaced(right_table, truth), "%"),
        ("in a wrong cell, only the table estimated", 0.0, 100 * _misplaced(right_places, truth),
         "%"),
    ]  # fmt: skip
    share = found.study.hotspots.share
    area = np.where((found.area == 0) & (truth > 0), places.grid.area, found.area)
    land = max(found.land, float(area[truth > 0].sum()))
    true_land = lorenz(np.maximum(truth, 0), area, total_area=land).area_share(share)
    our_land = lorenz(np.maximum(ours, 0), area, total_area=land).area_share(share)
    rows.append((f"land that holds {100 * share:g} %", 100 * true_land, 100 * our_land, "%"))
    true_map = places.grid.array(np.maximum(truth, 0), name="truth", unit=found.gridded.unit)
    true_mask = np.asarray(hotspot_mask(true_map, share=share, land=area, total_area=land))
    our_mask = np.asarray(found.mask)
    held = truth[our_mask].sum() / truth.sum()
    rows += [
        ("hotspots in common, of all that either has", 100.0,
         100 * float((true_mask & our_mask).sum() / (true_mask | our_mask).sum()), "%"),
        ("true emissions inside the hotspots found", 100 * share, 100 * float(held), "%"),
    ]  # fmt: skip
    if places.in_cities is not None:
        rows += _cities(found, pattern, account, nodes)
    return pd.DataFrame(rows, columns=["what", "truth", "found", "unit"])


def _driven(found: Mapped, pattern: Array, nodes: pd.MultiIndex, account: pd.DataFrame) -> Array:
    """True places with an account of what is driven from abroad (rows, columns)."""
    driven = _of_nodes(found, account, nodes)
    made: Array = np.asarray(pattern @ driven).reshape(found.places.grid.shape)
    return made


def _of_nodes(found: Mapped, account: pd.DataFrame, nodes: pd.MultiIndex) -> Array:
    """What demand abroad causes in each node."""
    outside = account.columns.get_level_values(0).isin(found.country.abroad)
    driven: Array = account.loc[:, outside].sum(axis=1).reindex(nodes).fillna(0.0).to_numpy()
    return driven


def _misplaced(ours: Array, truth: Array, by: int = 1) -> float:
    """Half the sum of absolute differences over the truth: what would have to be moved."""
    a, b = (summed_blocks(np.asarray(values), by) for values in (ours, truth))
    return float(np.abs(a / a.sum() - b / b.sum()).sum() / 2)


def _cities(
    found: Mapped, pattern: Array, account: pd.DataFrame, nodes: pd.MultiIndex
) -> list[tuple[str, float, float, str]]:
    """How cities rank in truth and as found."""
    cities, truth = found.places.in_cities, found.places.truth
    assert cities is not None
    assert truth is not None
    driven = pd.Series(_of_nodes(found, account, nodes), nodes)
    emitters = truth.emitters
    of_node = pd.MultiIndex.from_frame(emitters[["region", "sector"]])
    whole = emitters["emissions"].groupby([emitters["region"], emitters["sector"]]).transform("sum")
    carried = driven.reindex(of_node).to_numpy() * (emitters["emissions"] / whole).to_numpy()
    true = pd.Series(carried).groupby(emitters["city"].to_numpy()).sum()
    ours = city_flows(found.abroad, cities, ())["emissions"].drop("outside all zones")
    true = true.reindex(ours.index).fillna(0.0)
    first = set(true.nlargest(10).index) & set(ours.nlargest(10).index)
    apart = float((ours / ours.sum() - true / true.sum()).abs().sum() / 2)
    return [
        ("in a wrong city", 0.0, 100 * apart, "%"),
        ("cities: rank correlation (Spearman)", 1.0, float(true.corr(ours, "spearman")), "1"),
        ("cities: of the ten largest, found", 10.0, float(len(first)), "1"),
    ]
