"""What is wrong with a ruleset, all of it at once, by line and key.

``shape`` finds wrong keys, types and bounds, ``meaning`` what is well-formed and cannot be,
``hints`` what has no effect; ``toml_lines`` knows where each key stands, and ``text`` makes lines of it.
"""
