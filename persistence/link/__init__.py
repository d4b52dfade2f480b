"""The connection to Redis or Valkey: many callers' commands at once, each answered by its own reply."""
