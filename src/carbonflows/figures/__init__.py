"""Figures for papers: plain pandas frames in, matplotlib Figures out, one function to save them.

Each figure has its own module; importing this package costs nothing.

- `shapes`: `country_shapes`, `region_shapes`
- `flowmap`: `flow_map`
- `choropleth`: `choropleth_pair`, `gap_map`, `gap_bars`
- `bars`: `ranked_nets`, `sources_and_sinks`
- `sankey`: `sankey`
- `chain`: `chain`
- `stacks`: `stacked_shares`
- `groups`: `grouped_shares`
- `dots`: `dots`
- `waterfall`: `waterfall`
- `balance`: `balance_bars`
- `series`: `series`, `gap_series`
- `contributions`: `contributions`
- `effects`: `effects`
- `intervals`: `intervals`
- `rank_heat`: `rank_heat`
- `style`: `save`
"""
