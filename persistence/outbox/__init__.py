"""Committed changes, delivered to a studio's own systems: docs/outbox.md."""
