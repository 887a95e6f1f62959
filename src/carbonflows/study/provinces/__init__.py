"""A country's provinces inside the world."""
