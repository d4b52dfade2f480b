"""Where the item catalog comes from: PostgreSQL, and a studio's own item service before it."""
