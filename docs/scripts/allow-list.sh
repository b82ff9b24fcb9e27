#!/bin/sh
# Accepts events of the authors in allow-list.txt beside this script, a public key in hex on each
# line, # before a comment. An edited file counts from the next event on, a missing one allows
# nobody. Everybody may read.
list=$(dirname "$0")/allow-list.txt

allowed() {
    sed 's/#.*//; s/[[:space:]]//g' "$list" | grep -qixF -e "$1"
}

# Inside a text every quote has a backslash before it, so that no text can look like a key.
while IFS='"' read -r _ _ _ id _ _ _ pubkey rest; do
    case $rest in
        *'"access_type":"read"'*) action=accept ;;
        *) if allowed "$pubkey"; then action=accept; else action=reject; fi ;;
    esac
    if [ $action = accept ]; then
        printf '{"id":"%s","action":"accept","msg":""}\n' "$id"
    else
        printf '{"id":"%s","action":"reject","msg":"restricted: you are not on the list"}\n' "$id"
    fi
done
