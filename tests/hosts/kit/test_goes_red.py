"""The kit notices: a relay is broken in one way at a time, and the test that is to say so does.

The relay is the one that forgets, on a thread of this process, where it can be broken at any time.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from example_relay import forgetting
from orly_policy_hookspecs import Context, Decision, Gate
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position
from orly_policy_plugin.hosts.kit import Closed, HostSuite, RunningHost, running, write_policy
from orly_policy_plugin.hosts.kit.raising import install_raising_plugin
from orly_policy_plugin.hosts.kit.suite import changing
from orly_policy_plugin.hosts.listening import listen_on
from orly_policy_plugin.hosts.memory import MemoryStore
from orly_policy_plugin.reload.content_look import ContentLook
from orly_policy_plugin.session import live, reading, requests, writing
from orly_policy_plugin.session.messages import NoMessage
from orly_policy_plugin.session.session import Session, SessionEnded
from orly_policy_plugin.session.shadows import Shadows
from orly_policy_plugin.session.writing import Writing

Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """A relay on a thread."""
    folder = tmp_path_factory.mktemp("broken")
    policy = write_policy(folder)
    with (
        pytest.MonkeyPatch.context() as patch,
        listen_on("127.0.0.1", 0) as listening,
    ):
        patch.setenv("ORLY_POLICY_STATUS", "off")  # where nobody is told, the gate asks itself
        patch.syspath_prepend(install_raising_plugin(folder / "plugins"))
        with serving(policy, listening):
            yield RunningHost(f"ws://127.0.0.1:{listening.getsockname()[1]}", policy)


@contextlib.contextmanager
def serving(policy: Path, listening: Any) -> Iterator[None]:
    loop = asyncio.new_event_loop()
    serve = loop.create_task(forgetting.serve_forever(str(policy), listening))

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(serve)
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(serve.cancel)
        thread.join()


# --- ways to be broken

_write, _decide_and_store = Gate.write, Writing._decide_and_store


async def accepting(gate: Gate, event: Any, context: Context) -> Decision:
    return Decision.accept()


async def telling_of_shadows(gate: Gate, event: Any, context: Context) -> Decision:
    decision = await _write(gate, event, context)
    return Decision.reject("blocked: in silence") if decision.shadowed else decision


async def taking_shadows(gate: Gate, event: Any, context: Context) -> Decision:
    decision = await _write(gate, event, context)
    return Decision.accept() if decision.shadowed else decision


async def by_author(gate: Gate, event: Any, context: Context) -> Decision:
    return await _write(gate, event, Context((event.pubkey,), ip=context.ip))


async def without_reasons(gate: Gate, event: Any, context: Context) -> Decision:
    decision = await _write(gate, event, context)
    is_refused = not (decision.accepted or decision.shadowed)
    return Decision.reject("blocked: no") if is_refused else decision


async def storing_first(self: Writing, event: FrozenEvent, context: Context) -> str:
    await self._able.host.add(event)
    return await _decide_and_store(self, event, context)


async def storing_changes(self: Writing, event: FrozenEvent, context: Context) -> str:
    await self._able.host.add(event)
    decision = await self._gate.policy_event(event, context)
    return decision.message


async def telling_of_changes(self: Writing, event: FrozenEvent, context: Context) -> str:
    await self._stored(event, context)
    decision = await self._gate.policy_event(event, context)
    return decision.message


def everything(wanted: Filter, scopes: Any, keys: Any) -> list[Filter]:
    return [wanted]


async def counting_all(self: Any, filters: Sequence[Filter], reader: Any) -> int:
    found = [await self._able.host.page(wanted, None, 1_000) for wanted in filters]
    return sum(map(len, found))


async def disordered(
    self: MemoryStore, wanted: Filter, before: Position | None, most: int
) -> Sequence[FrozenEvent]:
    return [] if before else [each for each in self._events.values() if wanted.matches(each)]


def one_key(self: Session, pubkey: str) -> None:
    self.context = Context((pubkey,), ip=self.context.ip, connection=self)


def ending(error: NoMessage) -> Any:
    raise SessionEnded(str(error))


async def nothing(*_: Any, **__: Any) -> None:
    return None


def reads_open(patch: Patch) -> None:
    patch.setattr(reading, "narrowed", everything)
    patch.setattr(reading, "_foreseen", lambda *_: True)


def never(*_: Any) -> bool:
    return False


def always(*_: Any) -> bool:
    return True


def deaf(patch: Patch) -> None:
    patch.setattr(ContentLook, "_tell", lambda *_: None)
    patch.setattr(running, "SECONDS", 0.5)


def knows_no_follow_lists(patch: Patch) -> None:
    patch.setattr(Gate, "kind3", nothing)
    patch.setattr(Gate, "list_event", nothing)
    patch.setattr(changing, "SECONDS", 0.5)


BROKEN: dict[str, tuple[Callable[[Patch], None], tuple[str, ...]]] = {
    "takes what the policy refuses": (
        lambda patch: patch.setattr(Gate, "write", accepting),
        ("a_refusal_has_its_reason", "who_submits_decides", "a_rate_is_limited"),
    ),
    "has reasons of its own": (
        lambda patch: patch.setattr(Gate, "write", without_reasons),
        ("a_refusal_has_its_reason", "a_plugin_that_raises_on_a_write"),
    ),
    "takes the author for the submitter": (
        lambda patch: patch.setattr(Gate, "write", by_author),
        ("who_submits_decides",),
    ),
    "verifies nothing": (
        lambda patch: patch.setattr(writing, "verify", always),
        ("a_forged_event_is_refused", "writing_tells_nothing"),
    ),
    "stores what it refuses": (
        lambda patch: patch.setattr(Writing, "_decide_and_store", storing_first),
        ("a_refusal_has_its_reason", "who_submits_decides", "a_shadow_reject_is_silent"),
    ),
    "tells of shadow rejects": (
        lambda patch: patch.setattr(Gate, "write", telling_of_shadows),
        ("a_shadow_reject_is_silent",),
    ),
    "takes what is to be shadowed": (
        lambda patch: patch.setattr(Gate, "write", taking_shadows),
        ("a_shadow_reject_is_silent",),
    ),
    "forgets what it has shadowed": (
        lambda patch: patch.setattr(Shadows, "add", lambda *_: writing.Known.STORED),
        ("a_shadow_reject_is_silent",),
    ),
    "gives everything to everybody": (
        reads_open,
        (
            "a_private_event_is_for_its_parties",
            "a_subscription_that_was_open_before_auth",
            "several_keys_on_one_connection",
            "lists_of_readers",
            "no_way_of_asking_shows_it",
            "answers_are_the_same_without_it",
            "open_subscriptions_read_by_the_policy_in_force",
        ),
    ),
    "gives every live event to everybody": (
        lambda patch: patch.setattr(live.Reading, "foreseen", always),
        ("a_private_event_is_for_its_parties", "no_way_of_asking_shows_it", "lists_of_readers"),
    ),
    "counts everything": (
        lambda patch: patch.setattr(reading.Reading, "count", counting_all),
        ("a_count_is_of_what_may_be_read", "answers_are_the_same_without_it"),
    ),
    "hands out in the order of storing": (
        lambda patch: patch.setattr(MemoryStore, "page", disordered),
        ("the_newest_come_first",),
    ),
    "closes nothing": (
        lambda patch: patch.setattr(requests, "why_closed", lambda *_: None),
        ("a_request_for_nothing_readable_is_closed", "policy_events_are_not_for_everybody"),
    ),
    "knows one key a connection": (
        lambda patch: patch.setattr(Session, "_authenticated", one_key),
        ("several_keys_on_one_connection",),
    ),
    "stores policy events": (
        lambda patch: patch.setattr(Writing, "_change", storing_changes),
        ("an_owner_replaces_the_policy", "an_admin_contributes_and_withdraws"),
    ),
    "tells subscribers of policy events": (
        lambda patch: patch.setattr(Writing, "_change", telling_of_changes),
        ("an_owner_replaces_the_policy",),
    ),
    "does not see that the file is saved": (deaf, ("a_saved_file_is_in_force",)),
    "does not see follow lists": (
        knows_no_follow_lists,
        ("a_follow_list_is_seen", "an_authors_list_is_seen"),
    ),
    "deletes nothing": (
        lambda patch: patch.setattr(MemoryStore, "delete", nothing),
        ("a_deletion_is_by_its_author_alone", "what_was_deleted_does_not_come_back"),
    ),
    "lets nobody vanish": (
        lambda patch: patch.setattr(MemoryStore, "vanish", nothing),
        ("whoever_vanishes_is_gone",),
    ),
    "takes what has expired": (
        lambda patch: patch.setattr(writing, "is_expired", never),
        ("what_has_expired_is_refused",),
    ),
    "takes protected events from anybody": (
        lambda patch: patch.setattr(writing, "is_protected", never),
        ("a_protected_event_is_taken_from_its_author",),
    ),
    "ends at nonsense": (
        lambda patch: patch.setattr("orly_policy_plugin.session.session._answer_to", ending),
        ("what_is_no_message",),
    ),
}
CASES = [(how, test) for how, (_, tests) in BROKEN.items() for test in tests]


@pytest.mark.parametrize(("how", "test"), CASES, ids=lambda each: each.replace(" ", "-"))
@pytest.mark.heavy
def test_it_is_noticed(
    host: RunningHost, caplog: pytest.LogCaptureFixture, how: str, test: str
) -> None:
    """The test fails, and not because what breaks the relay is wrong itself."""
    said = getattr(HostSuite(), f"test_{test}")
    break_, _ = BROKEN[how]
    with pytest.MonkeyPatch.context() as patch:
        break_(patch)
        with pytest.raises((AssertionError, Closed, pytest.fail.Exception)):
            said(host)
    faults = [record for record in caplog.records if "could not be" in record.message]
    assert not faults, caplog.text


@pytest.mark.parametrize("test", sorted({test for _, test in CASES}))
@pytest.mark.heavy
def test_it_passes_where_nothing_is_broken(host: RunningHost, test: str) -> None:
    """On the same relay, mended."""
    getattr(HostSuite(), f"test_{test}")(host)
