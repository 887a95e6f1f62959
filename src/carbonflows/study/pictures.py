"""The figures of a study: which numbers go into which picture, and what the caption says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from carbonflows.study.analysis import Results
from carbonflows.study.spec import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its file name and caption.

    Attributes
    ----------
    stem : str
        File name without ending.
    figure : Figure
    caption : str
    tables : tuple of str
        Names of the tables behind it.
    """

    stem: str
    figure: "Figure"
    caption: str
    tables: tuple[str, ...]


def pictures(study: Study, found: Results) -> Iterator[Picture]:
    """Draw the figures of a study one after the other.

    Parameters
    ----------
    study : Study
    found : Results

    Yields
    ------
    Picture
    """
    from carbonflows.figures.bars import ranked_nets, sources_and_sinks
    from carbonflows.figures.choropleth import choropleth_pair, gap_bars, gap_map
    from carbonflows.figures.flowmap import flow_map
    from carbonflows.figures.sankey import sankey
    from carbonflows.figures.shapes import region_shapes

    table, unit = found.table, found.load.unit
    gas = unit if found.load.name in unit else f"{unit} {found.load.name}"
    source = f"Source: {table.label}, carbonflows"
    members = {region: list(table.members[region]) for region in table.regions}
    shapes = region_shapes(members)
    names = found.names
    between = found.flows
    net = between.sum(axis=1) - between.sum(axis=0)
    if found.grouping is None:
        level, level_shapes, level_names = "regions", shapes, names
    else:
        level, level_names = "groups of regions", {}
        joined: dict[str, list[str]] = {}
        for region, group in zip(table.regions, found.grouping.of(table.regions), strict=True):
            joined.setdefault(group, []).extend(members[region])
        level_shapes = region_shapes(joined)

    yield Picture(
        "flow_map",
        flow_map(
            between, level_shapes, unit=gas, net=net, top=study.figures.arcs, labels=level_names,
            title="Embodied carbon flows", source=source,
            subtitle=f"Emissions by where they occur and whose final demand causes them, {level}",
        ),
        f"Emissions of each of the {len(between)} {level} caused by final demand in another "
        "(footprint measure), largest first; the fill shows net exports. Direct emissions of "
        f"households cause no flow.{stands_for(found)}",
        (found.level("flows"), found.level("accounts")),
    )  # fmt: skip

    accounts = found.tables["accounts"].set_index("region")
    yield Picture(
        "net_exports",
        ranked_nets(
            accounts["net_exports"], unit=gas, labels=names, source=source,
            title="Net exporters and importers of embodied carbon",
        ),
        "Net exports of embodied emissions by region. Footprint and throughflow accounts give the "
        "same nets.",
        ("accounts", "net_shares"),
    )  # fmt: skip

    values, per, shown = _intensity_pair(study, found)
    both = values.dropna()
    if not both.empty:
        yield Picture(
            "intensities",
            choropleth_pair(
                both, shapes, unit=shown, source=source, title="Carbon intensities",
                subtitle=f"Production per {per[0]}, consumption per {per[1]}; shared classes",
            ),
            f"Production-based emissions per {per[0]} and consumption-based per {per[1]}.",
            ("intensities",),
        )  # fmt: skip
        caption = (
            "Production intensity minus consumption intensity. The two have different denominators "
            f"({per[0]}, {per[1]}), so the gap mixes trade in carbon with the trade balance."
        )
        yield Picture(
            "intensity_gap_map",
            gap_map(
                both.iloc[:, 0] - both.iloc[:, 1], shapes, unit=shown, source=source,
                title="Gap between production and consumption intensity",
            ),
            caption,
            ("intensities",),
        )  # fmt: skip
        yield Picture(
            "intensity_gap",
            gap_bars(
                both, unit=shown, labels=names, source=source,
                title="Production and consumption intensity by region",
            ),
            caption,
            ("intensities",),
        )  # fmt: skip

    if found.grouping is not None:
        tidy = found.tables["sink_shares_groups"]
        shares = tidy.pivot_table(
            index="source_region", columns="demand_region", values="share", sort=False
        )
        rows = ([study.highlight] if found.block else []) + (found.block or list(between.index))
        top = found.tables["top_consumers_groups"]
        largest = {
            str(row): [(names.get(r, r), 100 * share) for r, share in
                       chosen[["demand_region", "share"]].itertuples(index=False)]
            for row, chosen in top.groupby("source_region", sort=False) if row in rows
        }  # fmt: skip
        yield Picture(
            "sources_and_sinks",
            sources_and_sinks(
                100 * shares.loc[rows], top=largest, source=source,
                own={study.highlight: found.block} if found.block else None,
                title="Sources and sinks of embodied carbon",
                subtitle="Emissions of each group's producing sectors by whose final demand "
                "causes them",
            ),
            "Share of each group's emissions by consuming group, with the largest consumers abroad "
            f"where the table shows them apart.{stands_for(found)}",
            ("sink_shares_groups", "top_consumers_groups"),
        )  # fmt: skip

    yield Picture(
        "sankey",
        sankey(
            between, unit=gas, labels=level_names, source=source,
            title="From emitter to consumer",
        ),
        f"Flows between {level}; what is emitted for a group's own final demand is left out.",
        (found.level("flows"),),
    )  # fmt: skip


def stands_for(found: Results) -> str:
    """Say which groups are a single region of this table, so that no name promises too much.

    Parameters
    ----------
    found : Results

    Returns
    -------
    str
        For example `` In this table South Asia is India alone.``, or nothing.
    """
    coverage = found.tables.get("groups")
    if coverage is None or found.grouping is None:
        return ""
    listed = list(found.grouping.members.values())
    alone = [
        f"{group} is {rows['name'].iloc[0]}"
        for group, rows in coverage.groupby("group", sort=False)
        if len(rows) == 1 and listed.count(str(group)) > 1 and "," not in rows["name"].iloc[0]
        and len(rows["members"].iloc[0].split()) == 1
    ]  # fmt: skip
    missing = f" {', '.join(found.missing)} is not shown apart." if found.missing else ""
    return (f" In this table {', '.join(alone)} alone." if alone else "") + missing


def _intensity_pair(study: Study, found: Results) -> tuple[pd.DataFrame, tuple[str, str], str]:
    """Production and consumption intensities side by side in one unit, and their denominators."""
    wanted = {"production": study.intensity.production, "consumption": study.intensity.consumption}
    tidy = found.tables["intensities"]
    columns, units = {}, []
    for kind, denominator in wanted.items():
        rows = tidy[(tidy.kind == kind) & (tidy.denominator == denominator)].set_index("region")
        columns[kind.capitalize()] = rows["value"]
        units += list(rows["unit"].unique())
    per = (wanted["production"].replace("_", " "), wanted["consumption"].replace("_", " "))
    return pd.DataFrame(columns), per, units[0]
