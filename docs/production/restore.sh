#!/bin/sh
# restore.sh BACKUP DATABASE: what backup.sh has kept. Stop the relay first; DATABASE is empty.
set -eu
umask 077

configuration=${RELAY_CONFIGURATION:-/etc/relay}
state=${RELAY_STATE:-/var/lib/relay/policy}
if [ -n "$(ls -A "$state" 2>/dev/null)" ]; then
    echo "$state is not empty: move it away first, or newer changes are mixed with old ones" >&2
    exit 1
fi
mkdir -p "$state" "$configuration"
pg_restore --exit-on-error --no-owner --dbname "$2" "$1/events.dump"
tar --extract --gzip --file "$1/configuration.tar.gz" --directory "$configuration"
tar --extract --gzip --file "$1/state.tar.gz" --directory "$state"
orly-policy check --start "$configuration/policy.json" --state "$state"
