"""Parity: the fuzz that plays random games on the Python engine and on the mirror, and compares all of it.

``run.play`` is the whole of it; `haversack parity` is its command line.
"""
