#!/bin/sh
# Run once, when the database's files are made: the roles, and two that log in by them.
set -eu
sql() {
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname "$POSTGRES_DB" "$@"
}
sql --file "${ROLES:-/etc/haversack/roles.sql}"
# By standard input, or the passwords would stand in the list of processes.
sql <<SQL
\getenv gateway POSTGRES_GATEWAY_PASSWORD
\getenv migrator POSTGRES_MIGRATOR_PASSWORD
CREATE ROLE haversack_gateway LOGIN PASSWORD :'gateway' IN ROLE haversack_service;
CREATE ROLE haversack_migrator LOGIN PASSWORD :'migrator' IN ROLE haversack_owner;
-- What it makes is the owner's.
ALTER ROLE haversack_migrator SET role = 'haversack_owner';
SQL
