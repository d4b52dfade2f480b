"""The truth in PostgreSQL: connections, statements, rows, migrations."""
