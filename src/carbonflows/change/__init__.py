"""Tables that change: over time, by scenario, by price."""
