"""HTTP: routes, handlers, problems, authorisation. Knows neither Redis nor PostgreSQL."""
