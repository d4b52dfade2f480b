"""Many requests at once: in bulk, and over a WebSocket."""
