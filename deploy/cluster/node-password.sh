#!/bin/sh
# Runs once, when a node's database is made: the nodes open connections to each other by this password.
set -eu

psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
    --set user="$POSTGRES_USER" --set password="$POSTGRES_PASSWORD" <<'SQL'
CREATE EXTENSION IF NOT EXISTS citus;
INSERT INTO pg_dist_authinfo (nodeid, rolename, authinfo)
VALUES (0, :'user', 'password=' || quote_literal(:'password'));
SQL
