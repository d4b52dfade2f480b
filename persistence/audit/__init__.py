"""The invariants of docs/protocol.md, checked over all that PostgreSQL and Redis hold, during play or not.

======  ===============================================================  ==================================
number  what holds                                                       checked by
======  ===============================================================  ==================================
1       an item id is one row with one owner; a place holds one item     ``schema.faults``, ``within.places``
2       no item is usable in two sessions, nor in one and another's in   ``ownership.Ownership``
        PostgreSQL
3       of each template there is what came less what went, by the       ``ledger.Ledger.totals``
        ledger alone
4       the ledger's seqs follow each other up to the head's, and its    ``ledger.Ledger.add``, ``.end``,
        rows stay; Redis is ahead neither in epoch nor in flushed_seq    ``between.heads``, ``schema.faults``
5       0 ≤ flushed_seq ≤ seq; a session's journal is what is between    ``within.journal``
6       PostgreSQL has what its ledger comes to, and a session has       ``ledger.Ledger.contents``,
        that and what its own journal did                                ``between.contents``
8       an operation id stands once in what is remembered, and           ``ledger.Ledger.add``,
        session and PostgreSQL remember the same                         ``within.``, ``between.operations``
10      a session that needs attention is in its due queue               ``within.queue``
11      a session's running totals are what a recount gives; the         ``within.totals``, ``schema.faults``
        ledger has its partitions
0       nothing is left in Redis of what is gone                         ``leftovers.Leftovers``
======  ===============================================================  ==================================

7, 9 and 12 are about what happens and not about what is there; tests hold them.

A session is read whole, in one step of Redis, and before PostgreSQL's rows of its character, which are of
one snapshot. So PostgreSQL may be ahead of what was read, by flushes in between, and never behind. What is
found wrong between the two, or in PostgreSQL, is told when a second reading finds it too (``settling``);
what is wrong within a session is told at once, since one step of Redis cannot be caught half done.
"""

from persistence.audit.findings import NOT_AT_REST, OTHER_RULESET, TITLES, Note, Report, Violation
from persistence.audit.run import Options, audit

__all__ = ["NOT_AT_REST", "OTHER_RULESET", "TITLES", "Note", "Options", "Report", "Violation", "audit"]
