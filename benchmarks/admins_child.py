"""The process in which :mod:`.admins` measures one state: ``SHAPE ADMINS``."""

import hashlib
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import coincurve

from orly_policy_hookspecs import Context, Gate
from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.authority.bounds import MOST_AUTHORS, MOST_CONTRIBUTIONS, MOST_KINDS
from orly_policy_plugin.authority.signing import signed_event
from orly_policy_plugin.plugin import NAME, PolicyPlugin

from .loading_child import Delays, kept_since, resident_bytes
from .workloads import SUBMITTER

Json = dict[str, Any]

_SENT: Final = MOST_CONTRIBUTIONS - 1
"""One more is applied, and measured."""
_ROOM_BYTES: Final = 10_000
"""Of each contribution, about: together they come to a mebibyte."""
_OWNERS_RULES: Final = range(1, 101)
_WITHDRAWN: Final = 20_000
_FOLLOWS: Final = 20
"""Whom each author follows."""


def main() -> None:
    """Make the state, measure, and print the figures as JSON."""
    shape, admins = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        state = _State(Path(folder), shape, admins)
        state.write()
        sys.stdout.write(json.dumps(_measured(state)))


class _State:
    """A policy, and what its admins have standing."""

    def __init__(self, folder: Path, shape: str, admins: int) -> None:
        self.folder = folder
        self.make = _SHAPES[shape]
        self.admins = [_key(f"admin {number}") for number in range(admins)]
        self.now = int(time.time()) - 10 * _WITHDRAWN
        self.has_withdrawals = shape == "withdrawals"
        self.has_authors = shape == "authors"

    def write(self) -> None:
        """The policy file and the folders beside it."""
        policy = {
            "policy_admins": [_pubkey(each) for each in self.admins],
            "rules": {str(kind): {"size_limit": 500_000} for kind in _OWNERS_RULES},
        }
        (self.folder / "policy.json").write_text(json.dumps(policy))
        contributions = self.folder / "policy-contributions"
        contributions.mkdir()
        for number, admin in enumerate(self.admins):
            for i in range(_SENT):
                event = self.event(number, admin, i)
                (contributions / f"{event['id']}.json").write_text(json.dumps(event))
        if self.has_withdrawals:
            self._withdraw(contributions)
        if self.has_authors:
            self._follow()

    def event(self, number: int, admin: coincurve.PrivateKey, i: int) -> Json:
        """The admin's contribution of this number."""
        content = json.dumps(self.make(number, i), separators=(",", ":"))
        return _signed(admin, 12345, content, [], self.now + i)

    def _withdraw(self, contributions: Path) -> None:
        for i in range(_WITHDRAWN):
            event_id = hashlib.sha256(b"withdrawn %d" % i).hexdigest()
            mark = {"author": _pubkey(self.admins[0]), "created_at": 1, "by": event_id}
            (contributions / f"{event_id}.withdrawn").write_text(json.dumps(mark))

    def _follow(self) -> None:
        folder = self.folder / "policy-follows"
        folder.mkdir()
        for name in (name for number in range(len(self.admins)) for name in _author_names(number)):
            tags = [["p", _hex(f"{name} follows {i}")] for i in range(_FOLLOWS)]
            event = _signed(_key(name), 3, "", tags, self.now)
            (folder / f"{event['pubkey']}.json").write_text(json.dumps(event))


def _measured(state: _State) -> Json:
    before = resident_bytes()
    start = time.perf_counter()
    plugin = PolicyPlugin.load(state.folder / "policy.json", missing_follow_lists="warn")
    seconds_to_start = time.perf_counter() - start
    kept = kept_since(before)
    standing = len(plugin.snapshot.contributions)
    if standing != _SENT * len(state.admins):
        raise ValueError(f"only {standing} contributions are in force: {plugin.snapshot.version}")
    plugin.start()
    try:
        return {
            "seconds_to_start": seconds_to_start,
            "kept_bytes": kept,
            **_applied(plugin, state),
        }
    finally:
        plugin.stop()


def _applied(plugin: PolicyPlugin, state: _State) -> Json:
    """Apply one more while decisions go on."""
    gate = Gate()
    gate.register(plugin, NAME)
    event = FrozenEvent.of_json(state.event(0, state.admins[0], _SENT))
    answered, seconds, answers = threading.Event(), list[float](), list[Any]()

    def apply() -> None:
        start = time.perf_counter()
        answers.append(gate.blocking.policy_event(event, Context()))
        seconds.append(time.perf_counter() - start)
        answered.set()

    delays = Delays(plugin)
    without = delays.longest_for(1.0)
    thread = threading.Thread(target=apply)
    thread.start()
    longest = max(delays.longest_until(answered), delays.longest_for(1.0))
    thread.join()
    gate.blocking.close()
    if not answers[0].accepted:
        raise ValueError(f"the answer is {answers[0]}")
    return {
        "seconds_to_apply": seconds[0],
        "longest_delay_ms": longest * 1000,
        "longest_delay_without_ms": without * 1000,
    }


# --- what admins can have standing: an admin's number and a contribution's make its content


def _kinds(number: int, _: int) -> Json:
    """All of them deny the same kinds, as many as there is room for."""
    first = 30_000 + number * MOST_KINDS
    return {"kind_blacklist_add": list(range(first, first + _ROOM_BYTES // 6))}


def _rules(number: int, i: int) -> Json:
    """Each adds rules for kinds that no other has."""
    each = MOST_KINDS // MOST_CONTRIBUTIONS
    first = 30_000 + number * MOST_KINDS + i * each
    return {
        "rules_add": {
            str(kind): {
                "size_limit": 100_000,
                "content_limit": 90_000,
                "must_have_tags": ["p"],
                "write_deny": [_hex(f"denied {i} {k}") for k in range(3)],
                "read_allow": [_hex(f"allowed {i} {k}") for k in range(2)],
                "rate_limit": 1_000,
            }
            for kind in range(first, first + each)
        }
    }


def _extensions(_: int, i: int) -> Json:
    """All of them extend every rule of the owner's."""
    extension = {"content_limit_override": 500_000 + i, "write_allow_add": [SUBMITTER]}
    kinds = list(_OWNERS_RULES)[: _ROOM_BYTES // 130]
    return {"rules_extend": {str(kind): extension for kind in kinds}}


def _keys(number: int, i: int) -> Json:
    """Each denies other keys, everywhere."""
    denied = [_hex(f"{number} {i} {k}") for k in range(_ROOM_BYTES // 68)]
    return {"global_extend": {"write_deny_add": denied}}


def _authors(number: int, i: int) -> Json:
    """Each uses follow lists."""
    names = list(_author_names(number))
    each = MOST_AUTHORS // MOST_CONTRIBUTIONS
    authors = [_pubkey(_key(name)) for name in names[i * each : (i + 1) * each]]
    return {"rules_extend": {"1": {"follows_whitelist_admins_add": authors}}}


def _regexes(number: int, i: int) -> Json:
    """Each has one regular expression, among those that take longest to compile."""
    kind = 30_000 + number * MOST_KINDS + i
    return {"rules_add": {str(kind): {"tag_validation": {"t": rf"^x{i}\pL{{2}}\pN$"}}}}


def _withdrawals(_: int, i: int) -> Json:
    """Little, beside much that was withdrawn."""
    return {"kind_blacklist_add": [20_000 + i]}


_SHAPES: Final[dict[str, Callable[[int, int], Json]]] = {
    "kinds": _kinds,
    "rules": _rules,
    "extensions": _extensions,
    "keys": _keys,
    "authors": _authors,
    "regexes": _regexes,
    "withdrawals": _withdrawals,
}


def _author_names(number: int) -> Iterator[str]:
    return (f"author {number} {i}" for i in range(MOST_AUTHORS))


def _signed(
    secret: coincurve.PrivateKey, kind: int, content: str, tags: list[list[str]], at: int
) -> Json:
    return signed_event(
        secret, kind=kind, tags=tags, content=content, created_at=at, randomness=bytes(32)
    )


def _key(name: str) -> coincurve.PrivateKey:
    return coincurve.PrivateKey(hashlib.sha256(name.encode()).digest())


def _pubkey(secret: coincurve.PrivateKey) -> str:
    return secret.public_key_xonly.format().hex()


def _hex(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


if __name__ == "__main__":
    main()
