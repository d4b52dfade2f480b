"""The rules, one file a concept; each has a twin of the same name under ``lua/rules``.

Twins have the same functions in the same order and test their guards line for line. All of
them work on a ``Draft``: a refusal may leave it half altered, and it is then thrown away.
"""
