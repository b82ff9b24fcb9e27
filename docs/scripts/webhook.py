#!/usr/bin/env python3
# Asks something slow about each event. Up to WORKERS events are in work at once, and each is
# answered when its own work is done, in any order. Replace `ask`, which is a stand-in; it needs
# a time-out of its own, shorter than the relay's 5 seconds.
import json
import logging
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

WORKERS = 20
printing = threading.Lock()
log = logging.getLogger("webhook")  # goes to standard error


def ask(event):
    # For example: return urllib.request.urlopen(URL, data, timeout=3).status == 200
    time.sleep(0.2)
    return "casino" not in event["content"]


def work(line):
    event = json.loads(line)
    answer = {"id": event["id"], "action": "reject", "msg": "blocked: refused by the service"}
    try:
        if ask(event):
            answer.update(action="accept", msg="")
    except Exception:
        answer.update(msg="error: the service cannot be asked, try again later")
        log.exception("cannot ask about %s", event["id"])
    with printing:
        print(json.dumps(answer), flush=True)


with ThreadPoolExecutor(WORKERS) as pool:
    for line in sys.stdin.buffer:
        pool.submit(work, line)
