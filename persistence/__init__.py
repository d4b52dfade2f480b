"""Sessions in Redis, the flusher, PostgreSQL and the item gateway."""
