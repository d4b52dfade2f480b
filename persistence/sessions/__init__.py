"""Sessions in Redis: what the functions of the mirror do, in Python's terms."""
