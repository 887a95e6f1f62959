"""Matrices made to meet totals: RAS and its family."""
