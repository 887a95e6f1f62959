"""A country that does not exist, of which everything is known.

`country.synthetic_country` cuts a country of a world table into invented provinces. The table that
results is the truth; beside it stands what statistics offices would publish of it. Whatever
estimates the one from the other can be scored.

How the truth is made: provinces are cells of a coastline (`place`). Each takes a share of the
nation's output of every product, by its size and by chance. Inputs follow output, with coefficients
about the nation's; imports and exports prefer the coast (`economy`). What a province supplies to
the country goes where a gravity law with spatial lags sends it (`law`), scaled to what all
provinces supply and use, so that their sum is the world's table cell by cell (`truth`).

What is published: provincial tables, customs data and commodity samples (`statistics`), energy
balances whose combustion is the true CO2 (`energy`), plants on the map (`plants`).
"""
