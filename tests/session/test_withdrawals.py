"""A deletion that withdraws a policy admin's contribution (section 8 of the spec)."""

import logging
from pathlib import Path
from typing import Any

import pytest
from relay.client import asynchronous
from relay.signing import named_key

from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.hosts.memory import MemoryStore
from orly_policy_plugin.session import Added, NotStored

from .relays import URL, client, serving

OWNER, ADMIN, FRIEND = (named_key(name) for name in ("owner", "admin", "friend"))
POLICY: dict[str, Any] = {
    "owners": [OWNER.pubkey],
    "policy_admins": [ADMIN.pubkey],
    "default_policy": "allow",
}


class Refusing(MemoryStore):
    """Stores no deletions."""

    async def add(self, event: FrozenEvent) -> Added:
        return NotStored("error: full") if event.kind == 5 else await super().add(event)


class Failing(MemoryStore):
    """Falls over a deletion."""

    async def add(self, event: FrozenEvent) -> Added:
        if event.kind == 5:
            raise OSError("disk")
        return await super().add(event)


@pytest.mark.parametrize(
    ("rules", "store", "is_stored"),
    [
        ({}, MemoryStore, True),
        ({"5": {"write_deny": [ADMIN.pubkey]}}, MemoryStore, False),
        ({}, Refusing, False),
        ({}, Failing, False),
    ],
    ids=["stored", "refused by the rules", "not taken by the store", "a store that fails"],
)
@asynchronous
async def test_a_withdrawal_that_took_effect_is_answered_so(
    tmp_path: Path,
    rules: Any,
    store: type[MemoryStore],
    is_stored: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever becomes of the kind 5 itself; that it is not stored is in the log."""
    caplog.set_level(logging.INFO)
    contribution = ADMIN.event(12345, '{"kind_blacklist_add": [7]}', [["relay", URL]])
    withdrawal = ADMIN.event(5, tags=[["e", contribution["id"]]])
    policy = {**POLICY, "rules": rules}
    async with serving(tmp_path, policy, store=store()) as server, client(server) as speaker:
        await speaker.publish_all(contribution)
        assert not (await speaker.publish(FRIEND.event(7)))[0]
        accepted, message = await speaker.publish(withdrawal)
        assert accepted
        assert message.startswith("contribution withdrawn: version ")
        assert (await speaker.publish(FRIEND.event(7, "now it may")))[0]
        assert (withdrawal["id"] in await speaker.stored_ids({"kinds": [5]})) is is_stored
        assert not (await speaker.publish(contribution))[0]
    assert any("is not stored" in each.message for each in caplog.records) is not is_stored
