#!/usr/bin/env python3
# Rejects notes that contain one of these words, also as a part of a longer word. Capital letters
# make no difference. Edit WORDS: words, phrases, addresses.
import json
import sys

WORDS = ["casino", "free bitcoin", "t.me/"]

for line in sys.stdin.buffer:
    event = json.loads(line)
    content = event["content"].casefold()
    if any(word.casefold() in content for word in WORDS):
        answer = {"action": "reject", "msg": "blocked: this looks like spam"}
    else:
        answer = {"action": "accept", "msg": ""}
    print(json.dumps({"id": event["id"], **answer}), flush=True)
