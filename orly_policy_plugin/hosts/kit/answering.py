"""A script of a policy: on a write it does what an event's content says, ``shadow`` or
``refuse``. Everybody may read what is there.
"""

import json
import sys


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        asked = json.loads(line)
        said = asked["content"] if asked["access_type"] == "write" else ""
        action = {"shadow": "shadowReject", "refuse": "reject"}.get(said, "accept")
        message = "blocked: the script says so" if action == "reject" else ""
        answer = {"id": asked["id"], "action": action, "msg": message}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
