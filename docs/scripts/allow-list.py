#!/usr/bin/env python3
# Accepts events of the authors in allow-list.txt beside this script, a public key in hex on each
# line, # before a comment. An edited file counts from the next event on, a missing one allows
# nobody. Everybody may read.
import json
import sys
from pathlib import Path

LIST = Path(__file__).with_name("allow-list.txt")


def allowed():
    try:
        lines = LIST.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return set()
    return {line.partition("#")[0].strip().lower() for line in lines}


for line in sys.stdin.buffer:
    event = json.loads(line)
    if event["access_type"] == "read" or event["pubkey"] in allowed():
        answer = {"action": "accept", "msg": ""}
    else:
        answer = {"action": "reject", "msg": "restricted: you are not on the list"}
    print(json.dumps({"id": event["id"], **answer}), flush=True)
