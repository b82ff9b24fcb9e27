#!/bin/sh
# backup.sh FOLDER DATABASE: the policy, its state and the events, of one night, in a folder.
# Run it as the user relay. DATABASE is as pg_dump takes it: postgresql://relay@127.0.0.1/relay
set -eu
umask 077

configuration=${RELAY_CONFIGURATION:-/etc/relay}
state=${RELAY_STATE:-/var/lib/relay/policy}
target=$1/$(date -u +%Y%m%dT%H%M%SZ)
mkdir -p "$1"
mkdir "$target.unfinished"

# With the lock that all changes of the policy hold, so that the copy is of one moment. Sockets of
# running workers are left out.
mkdir -p "$state/policy-history"
flock --timeout 60 "$state/policy-history/.lock" \
    tar --create --gzip --file "$target.unfinished/state.tar.gz" --exclude policy-workers \
    --directory "$state" .
tar --create --gzip --file "$target.unfinished/configuration.tar.gz" --directory "$configuration" .
pg_dump --format custom --file "$target.unfinished/events.dump" "$2"

mv "$target.unfinished" "$target"
echo "$target"
