"""Processes that serve: the listener, its connections, workers, a graceful stop."""
