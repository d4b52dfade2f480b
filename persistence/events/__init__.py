"""Changes of characters as they happen, for those who follow them: docs/http-api.md, "Events"."""
