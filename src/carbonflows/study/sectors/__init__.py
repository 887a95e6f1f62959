"""Commodities and products from where they emit to where they are used."""
