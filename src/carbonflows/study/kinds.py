"""Kinds of studies: where each is computed, and which may be of several years or spread out."""

KINDS = {
    "flows": "flows.study", "bridge": "bridge", "sectors": "sectors.study",
    "provinces": "provinces.study", "hotspots": "hotspots.study", "drivers": "drivers.study",
    "uncertainty": "uncertainty.study",
}  # fmt: skip
"""Kind of study → module of this package whose ``outcome`` computes it."""
YEARLY = ("flows", "bridge", "sectors")
"""Kinds that may be asked of several years, one after the other."""
SPREAD = ("drivers", "uncertainty")
"""Kinds whose work consists of parts that may be spread over workers."""
