#!/usr/bin/env python3
"""A write policy for strfry: no old events, save what another relay streams; and no bots."""

import json
import sys

BOTS = ("203.0.113.5", "2001:db8::5")

for line in sys.stdin:
    request = json.loads(line)
    if request["type"] != "new":
        sys.stderr.write("unexpected request type\n")
        continue
    event = request["event"]
    response = {"id": event["id"], "action": "accept"}
    if request["sourceType"] in ("IP4", "IP6"):
        age = request["receivedAt"] - event["created_at"]
        if request["sourceInfo"] in BOTS:
            response["action"] = "shadowReject"
        elif age > 3600:
            response["action"] = "reject"
            response["msg"] = "blocked: this is old"
    sys.stdout.write(json.dumps(response) + "\n")
    sys.stdout.flush()
