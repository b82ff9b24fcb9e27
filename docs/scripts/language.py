#!/usr/bin/env python3
# Rejects notes in which most letters are of another script than these. Links and emojis do not
# count. Edit SCRIPTS: LATIN, GREEK, CYRILLIC, HEBREW, ARABIC, DEVANAGARI, THAI, HANGUL, ...;
# Chinese is CJK, Japanese is CJK, HIRAGANA and KATAKANA.
import json
import sys
import unicodedata

SCRIPTS = ("LATIN", "GREEK")

for line in sys.stdin.buffer:
    event = json.loads(line)
    words = [word for word in event["content"].split() if ":" not in word]
    letters = [letter for word in words for letter in word if letter.isalpha()]
    ours = [letter for letter in letters if unicodedata.name(letter, "").startswith(SCRIPTS)]
    if 2 * len(ours) < len(letters):
        answer = {"action": "reject", "msg": "blocked: please write in Latin or Greek letters"}
    else:
        answer = {"action": "accept", "msg": ""}
    print(json.dumps({"id": event["id"], **answer}), flush=True)
