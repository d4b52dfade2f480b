"""Catalogs of other programs, made into ours: which facts and data come from which of their fields."""
