"""The policy that the kit has a host enforce: a kind a thing to show, and keys of its own.

The keys are made anew in each process, so that nothing that a relay has kept of an earlier run
counts.
"""

import json
import shlex
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from orly_policy_hookspecs.nip01 import kinds

from .signing import Key

OWNER, ADMIN, LEADER, MEMBER, OUTCAST = Key(), Key(), Key(), Key(), Key()
"""Of the policy; an admin; whose follow list grants; in allow lists; in deny lists."""

NOTE: Final = 1
PRIVATE: Final = 4
"""For its author and whom ``p`` tags name."""
REFUSED: Final = 9001
"""Taken from nobody."""
SHORT: Final = 9002
"""At most 10 bytes of content."""
FROM_MEMBERS: Final = 9003
"""Taken from :data:`MEMBER` alone."""
FOR_MEMBERS: Final = 9004
"""For :data:`MEMBER` alone to read."""
SCRIPTED: Final = 9005
"""Decided by a script; see :mod:`.answering`."""
FROM_FOLLOWED: Final = 9006
"""Taken from whom :data:`LEADER` follows."""
METERED: Final = 9007
"""100 bytes a second."""
NOT_FOR_OUTCAST: Final = 9008
"""Not for :data:`OUTCAST` to read."""
TITLED: Final = 9009
"""Has a ``title``. Who reads is not asked for it, as for all limits on writes alone."""
PROBED: Final = 9010
"""Refused, always, for a limit that tells which save of the file is in force."""
FROM_PICKED: Final = 9011
"""Taken from those of :data:`LEADER`'s follow set :data:`PICKED`."""
UNUSED: Final = range(9100, 10_000)
"""For tests that change the policy: each takes the next."""

SCRIPT: Final = "answering.sh"
PICKED: Final = "picked"

POLICY: Final[dict[str, Any]] = {
    "owners": [OWNER.pubkey],
    "policy_admins": [ADMIN.pubkey],
    "kind": {"blacklist": [REFUSED]},
    "lists": {PICKED: {"author": LEADER.pubkey, "kind": kinds.FOLLOW_SET, "d": PICKED}},
    "rules": {
        str(PRIVATE): {"privileged": True},
        str(SHORT): {"content_limit": 10},
        str(FROM_MEMBERS): {"write_allow": [MEMBER.pubkey]},
        str(FOR_MEMBERS): {"read_allow": [MEMBER.pubkey]},
        str(SCRIPTED): {"script": SCRIPT},
        str(FROM_FOLLOWED): {"write_follows_whitelist": [LEADER.pubkey]},
        str(METERED): {"rate_limit": 100},
        str(NOT_FOR_OUTCAST): {"read_deny": [OUTCAST.pubkey]},
        str(TITLED): {"must_have_tags": ["title"]},
        str(PROBED): {"content_limit": 0},
        str(FROM_PICKED): {"write_allow": [f"@{PICKED}"]},
    },
}


def write_policy(folder: Path) -> Path:
    """Write the kit's policy, and what it names, into a folder of its own.

    Start the relay with the policy file that is returned. Beside it are a script and two lists of
    people, which the engine finds there.

    :param folder: an empty one.
    """
    path = folder / "policy.json"
    path.write_text(json.dumps(POLICY, indent=1))
    answering = Path(__file__).with_name("answering.py")
    script = folder / SCRIPT
    command = shlex.join([sys.executable, "-IS", str(answering)])
    script.write_text(f"#!/bin/sh\nexec {command}\n")
    script.chmod(0o755)
    member = ["p", MEMBER.pubkey]
    follow_list = LEADER.event(3, tags=[member], created_at=1_700_000_000)
    picked = LEADER.event(kinds.FOLLOW_SET, tags=[["d", PICKED], member], created_at=1_700_000_000)
    lists = folder / "policy-follows"
    lists.mkdir()
    named = sha256(f"{kinds.FOLLOW_SET}:{LEADER.pubkey}:{PICKED}".encode()).hexdigest()
    for name, event in ((LEADER.pubkey, follow_list), (named, picked)):
        (lists / f"{name}.json").write_text(json.dumps(event))
    return path
