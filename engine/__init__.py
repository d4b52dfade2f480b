"""The rules of an inventory: pure, deterministic, knowing no database."""
