"""The policy of the relay that tests share. A kind a rule; keys have names."""

from typing import Any

from .signing import named_key

MEMBER = named_key("member")
DENIED = named_key("denied")
OUTCAST = named_key("outcast")
BANNED = named_key("banned")
OWNER = named_key("owner")

POLICY: dict[str, Any] = {
    "owners": [OWNER.pubkey],
    "kind": {"blacklist": [666]},
    "global": {"read_deny": [OUTCAST.pubkey]},
    "rules": {
        "4": {"privileged": True},
        "1059": {"privileged": True},
        "7": {"read_deny": [DENIED.pubkey], "write_deny": [BANNED.pubkey]},
        "5000": {"read_allow": [MEMBER.pubkey]},
        "5001": {"read_allow": [MEMBER.pubkey], "privileged": True},
        "5002": {"read_deny": [DENIED.pubkey], "privileged": True},
        "5003": {"write_allow": [MEMBER.pubkey]},
        "5004": {"must_have_tags": ["title"]},
        "5005": {"content_limit": 10},
        "5006": {"protected_required": True},
        "5007": {"max_age_of_event": 3600},
    },
}
"""Not named: public. 4 and 1059: private."""
