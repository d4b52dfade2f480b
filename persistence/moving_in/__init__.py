"""Moving in: a studio's table of who has what becomes characters with valid inventories (docs/moving-in.md).

A source is read once, row by row, into a table of its own connection, where the rows of a character come
together however they were scattered. From there each character is judged by the rules, and written whole
in one transaction or not at all. What a rule does not allow is reported, and nothing is passed over.
"""
