#!/bin/sh
# Asks something slow about each event. As many events are in work at once as there are workers,
# and each is answered when its own work is done, in any order. Replace `ask`, which is a stand-in;
# it needs a time-out of its own, shorter than the relay's 5 seconds.
workers=20

# Gets the line on its standard input; exit status 0 accepts. For example:
# curl --silent --fail --max-time 3 --data-binary @- https://example.com/ask >/dev/null
ask() {
    timeout 3 sh -c 'sleep 0.2; ! grep -q casino'
}

# A worker waits for its turn, takes a line, lets the next one have its turn, and gets to work.
worker() {
    while read -r _ <&3 && IFS= read -r line; do
        echo >&3
        id=${line#'{"id":"'}
        id=${id%%\"*}
        if printf '%s\n' "$line" | ask; then
            printf '{"id":"%s","action":"accept","msg":""}\n' "$id"
        else
            printf '{"id":"%s","action":"reject","msg":"blocked: refused by the service"}\n' "$id"
        fi
    done
    echo >&3
}

# Whose turn it is goes through a pipe that has no name any more once it is open.
turns=${TMPDIR:-/tmp}/webhook.$$
mkfifo -m 600 "$turns" || exit 1
exec 3<>"$turns" 4<&0
rm "$turns"

echo >&3
while [ "$workers" -gt 0 ]; do
    worker <&4 &
    workers=$((workers - 1))
done
wait
