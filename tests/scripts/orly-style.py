#!/usr/bin/env python3
"""A policy script for ORLY: small PNG files, published by those who have logged in."""

import json
import sys


def decide(event):
    if event["access_type"] == "read":
        return "accept", ""
    if event["ip_address"].startswith("203.0.113."):
        return "shadowReject", ""
    if event.get("logged_in_pubkey") != event["pubkey"]:
        return "reject", "only the author may publish this"
    if ["m", "image/png"] not in event["tags"] or len(event["content"]) > 1000:
        return "reject", "small PNG files only"
    return "accept", ""


for line in sys.stdin:
    event = json.loads(line)
    action, msg = decide(event)
    response = {"id": event["id"], "action": action, "msg": msg}
    sys.stdout.write(json.dumps(response) + "\n")
    sys.stdout.flush()
