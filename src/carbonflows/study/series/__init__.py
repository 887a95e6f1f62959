"""A study over several years."""
