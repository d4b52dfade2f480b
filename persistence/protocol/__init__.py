"""LOAD, APPLY, FLUSH and EVICT, between the two sides (docs/protocol.md)."""
