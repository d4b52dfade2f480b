"""The design that Haversack replaces: every move is read, checked and written in PostgreSQL at once.

The HTTP side is the gateway's own (routes, token, decoding, problems), and so are rules, facts and
tables: what differs is only where the inventory lives. README.md, "CRUD mode", has what was done to
make it as fast as the design allows.
"""
