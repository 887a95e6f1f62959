"""Accounts onto the cells of a grid: weights, maps, hotspots, hubs, cities."""
