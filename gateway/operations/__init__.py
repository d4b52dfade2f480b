"""The table of operations: all that the API does, each once."""
