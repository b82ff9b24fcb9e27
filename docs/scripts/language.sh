#!/bin/sh
# Rejects notes in which most letters are not Latin. Links and emojis do not count. This is rough:
# a letter is told by the first byte of its UTF-8. Edit the two ranges and the message.

# Latin is A-Z, a-z and \303-\311, Greek \315-\317, Cyrillic \320-\324, Hebrew \326-\327, Arabic
# \330-\335, Indian and Thai \340, Chinese and Japanese \343-\351, Korean \352-\355.
ours='A-Za-z\303-\311'
others='\315-\341\343-\355'

LC_ALL=C
export LC_ALL

# The content is what stands between the keys content and sig; its escapes become blanks.
# Inside a text every quote has a backslash before it, so that no text can look like a key.
content() {
    sed 's/","sig":".*//; s/.*,"content":"//; s/\\./ /g; s/[^ ]*:[^ ]*//g'
}

while IFS='"' read -r _ _ _ id rest; do
    content=$(printf '%s\n' "$rest" | content)
    our=$(printf '%s' "$content" | tr -cd "$ours" | wc -c)
    other=$(printf '%s' "$content" | tr -cd "$others" | wc -c)
    if [ "$our" -lt "$other" ]; then
        printf '{"id":"%s","action":"reject","msg":"blocked: please use Latin letters"}\n' "$id"
    else
        printf '{"id":"%s","action":"accept","msg":""}\n' "$id"
    fi
done
