#!/bin/sh
# Rejects notes that contain one of these words, also as a part of a longer word. Capital letters
# make no difference, but only those from A to Z. Edit words: one on each line, no empty line.
words='casino
free bitcoin
t.me/'

LC_ALL=C
export LC_ALL

# The content is what stands between the keys content and sig; its escapes become blanks.
# Inside a text every quote has a backslash before it, so that no text can look like a key.
content() {
    sed 's/","sig":".*//; s/.*,"content":"//; s/\\./ /g'
}

while IFS='"' read -r _ _ _ id rest; do
    if printf '%s\n' "$rest" | content | grep -qiF -e "$words"; then
        printf '{"id":"%s","action":"reject","msg":"blocked: this looks like spam"}\n' "$id"
    else
        printf '{"id":"%s","action":"accept","msg":""}\n' "$id"
    fi
done
