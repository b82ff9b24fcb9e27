"""A script of a policy: it does what an event's content says, ``shadow`` or ``refuse``."""

import json
import sys


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        asked = json.loads(line)
        action = {"shadow": "shadowReject", "refuse": "reject"}.get(asked["content"], "accept")
        message = "blocked: the script says so" if action == "reject" else ""
        answer = {"id": asked["id"], "action": action, "msg": message}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
