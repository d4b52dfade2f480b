"""The item catalog, and where it comes from: PostgreSQL, and an item service of a studio before it."""
