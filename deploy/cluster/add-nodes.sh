#!/bin/sh
# Make the nodes named by the arguments part of the cluster. May be run again, and with further nodes.
set -eu

run() { psql --host coordinator --dbname coalition --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$@"; }

run --command "SELECT citus_set_coordinator_host('coordinator', 5432)"
for node in "$@"; do
    # Node by node: one that is there already stays as it is.
    echo "SELECT citus_add_node(:'node', 5432)" | run --set node="$node"
done
echo "SELECT nodename, nodeport, groupid, isactive, shouldhaveshards FROM pg_dist_node ORDER BY groupid" | run
