"""A rule's criteria and its script, through the gate."""

import asyncio
import inspect
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from examples import ALICE, BOB, CAROL, NOBODY, NOW, AnEvent, by

from orly_policy_hookspecs import Context, Decision, Gate, Verdict
from orly_policy_plugin.decisions.replies import ACCEPTED, Action, Reply
from orly_policy_plugin.plugin import NAME, PolicyPlugin
from orly_policy_plugin.policy import InvalidPolicy

pytestmark = pytest.mark.usefixtures("soon_killed")

UNAVAILABLE = "error: policy script unavailable"

WRITTEN = """
import os.path
name = os.path.basename(__file__)
for event in events():
    with open(name + ".asked", "a") as asked:
        print(event["id"], event["access_type"], file=asked)
    said = json.loads(event["content"]).get(name, {})
    if said is not None:
        answer(event, **{"msg": "", "action": "accept", **said})
"""
"""Answers as the event's content says, by the script's name; nothing where that is null."""

NO = {"action": "reject", "msg": "no"}
SHADOW = {"action": "shadowReject"}
UNKNOWN = {"action": "maybe"}


def said(number: int = 0, **by_script: Any) -> AnEvent:
    """An event of which ``a`` and ``g`` say this."""
    content = {f"{name}.py": fields for name, fields in by_script.items()}
    return AnEvent(id=f"{number:064x}", content=json.dumps(content))


@pytest.fixture
def enforced(folder: Any) -> Iterator[Callable[..., tuple[Gate, PolicyPlugin]]]:
    """A gate with a policy: kind 1 has the script ``a.py``, the global rule ``g.py`` if asked."""
    gates = []

    def made(
        policy: dict[str, Any], *, script_timeout_seconds: float = 5.0, **settings: Any
    ) -> tuple[Gate, PolicyPlugin]:
        for name in ("a.py", "g.py"):
            if not (folder.path / name).exists():
                folder.write(WRITTEN, name)
        path = folder.path / "policy.json"
        path.write_text(json.dumps(policy))
        plugin = PolicyPlugin.load(
            path, clock=lambda: NOW, script_timeout_seconds=script_timeout_seconds, **settings
        )
        folder.made.append(plugin.scripts)
        gates.append(Gate())
        gates[-1].register(plugin, NAME)
        gates[-1].check()
        return gates[-1], plugin

    yield made
    for gate in gates:
        gate.blocking.close()


def asked(folder: Any, name: str = "a.py") -> list[str]:
    path = folder.path / f"{name}.asked"
    return path.read_text().splitlines() if path.exists() else []


def kinds_own(default: str = "allow", **rule: Any) -> dict[str, Any]:
    return {"default_policy": default, "rules": {"1": {"script": "a.py", **rule}}}


def everywhere(default: str = "allow", **rule: Any) -> dict[str, Any]:
    return {"default_policy": default, "global": {"script": "g.py", **rule}}


def both(default: str = "allow") -> dict[str, Any]:
    return {**kinds_own(default), **everywhere(default)}


def told(decision: Decision) -> tuple[Verdict, str]:
    assert decision.source == NAME
    return decision.verdict, decision.message


BY_DEFAULT = (Verdict.FALLBACK, "blocked: default_policy denies to write this kind")
ACCEPTS = (Verdict.ACCEPT, "")
REJECTS = (Verdict.REJECT, "blocked: no")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({}, ACCEPTS),
        ({"action": "accept", "msg": "welcome"}, ACCEPTS),
        (NO, REJECTS),
        ({"action": "reject", "msg": "pow: more work"}, (Verdict.REJECT, "pow: more work")),
        ({"action": "reject", "msg": "spam: no"}, (Verdict.REJECT, "blocked: spam: no")),
        ({"action": "reject"}, (Verdict.REJECT, "blocked: not accepted")),
        (SHADOW, (Verdict.SHADOW_REJECT, "")),
        ({"action": "shadowReject", "msg": "psst"}, (Verdict.SHADOW_REJECT, "")),
    ],
)
@pytest.mark.parametrize("default", ["allow", "deny"])
@pytest.mark.parametrize("access", ["write", "read"])
def test_the_kinds_script_decides(
    enforced: Any, default: str, access: str, answer: Any, expected: Any
) -> None:
    """Its accept grants under a default that denies; nobody hears of a shadow's reason."""
    gate, _ = enforced(kinds_own(default))
    assert told(getattr(gate.blocking, access)(said(a=answer), NOBODY)) == expected


@pytest.mark.parametrize(
    ("default", "answer", "expected"),
    [
        ("allow", {}, ACCEPTS),
        ("deny", {}, BY_DEFAULT),
        ("allow", NO, REJECTS),
        ("deny", NO, REJECTS),
        ("deny", SHADOW, (Verdict.SHADOW_REJECT, "")),
    ],
)
def test_the_global_script_grants_nothing(
    enforced: Any, default: str, answer: Any, expected: Any
) -> None:
    """Its accept is no objection; its no counts for every kind."""
    gate, _ = enforced(everywhere(default))
    for kind in (1, 7):
        event = AnEvent(kind=kind, content=said(g=answer).content)
        assert told(gate.blocking.write(event, NOBODY)) == expected


def test_the_criteria_must_hold_as_well(enforced: Any, folder: Any) -> None:
    """A script cannot overrule them; it is not asked what they deny."""
    gate, _ = enforced(kinds_own("allow", write_allow=[ALICE], max_age_of_event=60))
    assert gate.blocking.write(said(a={}), by(ALICE)).accepted
    assert not gate.blocking.write(said(a={}), by(BOB)).accepted
    old = AnEvent(created_at=NOW - 61, content="{}")
    assert gate.blocking.write(old, by(ALICE)).message.startswith("invalid:")
    assert told(gate.blocking.write(said(1, a=NO), by(ALICE))) == REJECTS
    assert len(asked(folder)) == 2


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"g": {}, "a": {}}, ACCEPTS),
        ({"g": {}, "a": NO}, REJECTS),
        ({"g": NO, "a": {}}, REJECTS),
        ({"g": SHADOW, "a": NO}, (Verdict.SHADOW_REJECT, "")),
        ({"g": NO, "a": SHADOW}, REJECTS),
    ],
)
@pytest.mark.parametrize("default", ["allow", "deny"])
def test_the_first_that_does_not_accept_decides(
    enforced: Any, folder: Any, default: str, answers: Any, expected: Any
) -> None:
    """The global rule's, then the kind's; both are asked, and nobody waits for the second."""
    gate, _ = enforced(both(default))
    assert told(gate.blocking.write(said(**answers), NOBODY)) == expected
    folder.until(lambda: asked(folder, "g.py") == asked(folder, "a.py") != [])


def test_nobody_waits_for_the_kinds_script_after_a_no(enforced: Any) -> None:
    """The global one has decided."""
    gate, _ = enforced(both())
    assert gate.blocking.write(said(g={}, a={}), NOBODY).accepted  # both run
    began = time.monotonic()
    assert told(gate.blocking.write(said(1, g=NO, a=None), NOBODY)) == REJECTS
    assert time.monotonic() - began < 3


DENIED = (Verdict.REJECT, UNAVAILABLE)


@pytest.mark.parametrize("answer", [None, UNKNOWN], ids=["time-out", "unknown action"])
@pytest.mark.parametrize(
    ("access", "default", "setting", "expected"),
    [
        ("write", "allow", None, ACCEPTS),
        ("write", "allow", "default", ACCEPTS),
        ("write", "allow", "deny", DENIED),
        ("write", "deny", None, DENIED),
        ("write", "deny", "default", DENIED),
        ("read", "allow", None, DENIED),
        ("read", "allow", "deny", DENIED),
        ("read", "allow", "default", ACCEPTS),
        ("read", "deny", "default", DENIED),
    ],
)
def test_a_failure_gives_the_default_on_writes_and_denies_reads(
    enforced: Any, access: str, default: str, setting: str | None, expected: Any, answer: Any
) -> None:
    """Whatever the criteria granted; each of the two settings turns it around for its access."""
    policy = kinds_own(default, **{f"{access}_allow": [ALICE]})
    settings = {f"script_failure_{access}": setting} if setting else {}
    gate, _ = enforced(policy, script_timeout_seconds=0.3, **settings)
    assert told(getattr(gate.blocking, access)(said(a=answer), by(ALICE))) == expected


def test_a_failure_of_one_does_not_hide_the_others_no(enforced: Any) -> None:
    """Under a default that allows, the other's answer counts."""
    gate, _ = enforced(both())
    assert told(gate.blocking.write(said(0, g=UNKNOWN, a=NO), NOBODY)) == REJECTS
    assert told(gate.blocking.write(said(1, g=NO, a=UNKNOWN), NOBODY)) == REJECTS
    assert told(gate.blocking.write(said(2, g=UNKNOWN, a={}), NOBODY)) == ACCEPTS


@pytest.mark.parametrize("failure", ["default", "deny"])
@pytest.mark.parametrize("default", ["allow", "deny"])
def test_after_the_stop_what_needs_a_script_is_denied(
    enforced: Any, default: str, failure: str
) -> None:
    """Whatever the settings and the default; the criteria still deny, and the rest goes on."""
    settings = {"script_failure_write": failure, "script_failure_read": failure}
    policy = {**kinds_own(default), "global": {"write_deny": [BOB]}}
    gate, plugin = enforced(policy, **settings)
    plugin.start()
    plugin.stop()
    stopped = (Verdict.REJECT, "error: the policy's scripts are stopped")
    assert told(gate.blocking.write(said(a={}), NOBODY)) == stopped
    assert told(gate.blocking.read(said(a={}), NOBODY)) == stopped
    assert not gate.blocking.write(said(a={}), by(BOB)).message.startswith("error:")
    assert gate.blocking.write(AnEvent(kind=7), NOBODY).accepted is (default == "allow")
    plugin.start()
    assert gate.blocking.write(said(a={}), NOBODY).accepted
    plugin.stop()


def test_what_no_script_has_a_say_in_is_decided_at_once(enforced: Any) -> None:
    """A policy without scripts, a kind without one, and what the criteria deny."""
    _, without = enforced({"default_policy": "deny", "rules": {"1": {"write_allow": [ALICE]}}})
    for plugin, event in (
        (without, AnEvent()),
        (enforced(kinds_own())[1], AnEvent(kind=7)),
        (enforced(kinds_own(write_deny=[BOB], read_deny=[BOB]))[1], AnEvent()),
    ):
        for hook in (plugin.on_write, plugin.on_read):
            assert isinstance(hook(event, by(BOB)), Decision)
        assert plugin.scripts.status == ()
    decision = enforced(kinds_own())[1].on_write(AnEvent(), NOBODY)
    assert inspect.isawaitable(decision)
    decision.close()  # type: ignore[attr-defined]


WHO_ASKS = """
for event in events():
    with open("asked", "a") as asked:
        print(event["id"], file=asked)
    while not os.path.exists("go"):
        time.sleep(0.001)
    who = event.get("logged_in_pubkey")
    answer(event, msg=f"{event['access_type']} {who} {event['ip_address']}")
"""


def test_each_who_asks_about_an_event_gets_an_answer_of_its_own(
    enforced: Any, folder: Any
) -> None:
    """Two readers, a writer, nobody and another address at once: an answer carries but the id."""
    folder.write(WHO_ASKS, "a.py")
    gate, _ = enforced(kinds_own())
    contexts = [by(BOB), by(CAROL), NOBODY, Context(authenticated=(BOB,), ip="192.0.2.1")]

    async def asking() -> None:
        event = AnEvent()
        asked = [gate.read(event, context) for context in contexts] + [gate.write(event, by(BOB))]
        answers = asyncio.gather(*asked)
        await asyncio.sleep(0)
        (folder.path / "go").touch()
        assert [decision.message for decision in await answers] == [
            f"blocked: read {BOB} ",
            f"blocked: read {CAROL} ",
            "blocked: read None ",
            f"blocked: read {BOB} 192.0.2.1",
            f"blocked: write {BOB} ",
        ]

    asyncio.run(asking())
    assert len((folder.path / "asked").read_text().splitlines()) == 5


def test_the_author_is_the_one_who_is_logged_in(enforced: Any, folder: Any) -> None:
    """Where the author authenticated; else the first that did."""
    folder.write(WHO_ASKS, "a.py")
    (folder.path / "go").touch()
    gate, _ = enforced(kinds_own())
    event = AnEvent(pubkey=ALICE)
    for keys, who in (((BOB, ALICE), ALICE), ((CAROL, BOB), CAROL)):
        assert gate.blocking.write(event, by(*keys)).message == f"blocked: write {who} "


def test_the_same_question_at_the_same_time_is_asked_once(enforced: Any, folder: Any) -> None:
    """Two clients that send the same event: both are told. Later it is asked again."""
    folder.write(WHO_ASKS, "a.py")
    gate, _ = enforced({**kinds_own(), "global": {"script": "a.py"}})

    asked, go = folder.path / "asked", folder.path / "go"

    async def asking() -> list[Decision]:
        answers = asyncio.gather(*(gate.write(AnEvent(), by(BOB)) for _ in range(5)))
        await asyncio.to_thread(folder.until, asked.exists)  # all five have asked before
        go.touch()
        return await answers

    for _ in ("at first", "later"):
        messages = [decision.message for decision in asyncio.run(asking())]
        assert messages == [f"blocked: write {BOB} "] * 5
        assert len(asked.read_text().splitlines()) == 1
        asked.unlink()
        go.unlink()


def test_threads_may_ask_at_once(enforced: Any) -> None:
    """Through the blocking gate; each gets its own answer."""
    gate, _ = enforced(both())

    def ask(number: int) -> bool:
        answer = {} if number % 3 else {"action": "reject", "msg": f"pow: {number}"}
        decision = gate.blocking.write(said(number, g={}, a=answer), NOBODY)
        return decision.message == (f"pow: {number}" if answer else "")

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(400)))


def test_what_a_reader_gets_is_asked_together(enforced: Any, folder: Any) -> None:
    """Thirty events, of each of which the script needs to think: at once, not one by one."""
    folder.write(
        """
import threading
def later(event):
    time.sleep(0.3)
    with lock:
        answer(event, "accept" if int(event["id"], 16) % 2 else "reject", msg=event["id"])
lock = threading.Lock()
for event in events():
    threading.Thread(target=later, args=[event]).start()
""",
        "a.py",
    )
    gate, _ = enforced(kinds_own())
    assert gate.blocking.read(said(1), NOBODY).accepted
    events = [said(number) for number in range(100, 130)]
    began = time.monotonic()
    decisions = asyncio.run(gate.reads(events, by(BOB)))
    assert time.monotonic() - began < 2
    assert [decision.message for decision in decisions] == [
        "" if number % 2 else f"blocked: {number:064x}" for number in range(100, 130)
    ]


REPLIES = [
    {},
    NO,
    {"action": "reject", "msg": "pow: more"},
    SHADOW,
    UNKNOWN,
]
AS_REPLIES = [
    ACCEPTED,
    Reply(Action.REJECT, "no"),
    Reply(Action.REJECT, "pow: more"),
    Reply(Action.SHADOW_REJECT),
    Reply.failed("unknown"),
]


@pytest.mark.parametrize("failure_denies", [False, True])
@pytest.mark.parametrize("default", ["allow", "deny"])
def test_explaining_says_what_is_decided(
    enforced: Any, default: str, failure_denies: bool
) -> None:
    """With the replies handed in, whatever the two scripts say; each that counted has a step."""
    failure = "deny" if failure_denies else "default"
    gate, plugin = enforced(both(default), script_failure_write=failure)
    number = 0
    for globals_say, first in zip(REPLIES, AS_REPLIES, strict=True):
        for kinds_say, second in zip(REPLIES, AS_REPLIES, strict=True):
            number += 1
            event = said(number, g=globals_say, a=kinds_say)
            explained = plugin.snapshot.explain(
                "write", event, (), NOW, (first, second), failure_denies=failure_denies
            )
            decision = gate.blocking.write(event, NOBODY)
            assert told(decision) == told(explained.decision.attributed(NAME))
            places = [step.place for step in explained.steps]
            scripts = [place for place in places if place.endswith("script")]
            assert scripts in (["global.script"], ["global.script", "rules.1.script"])
            assert (explained.steps[-1].outcome == "deny") == (not decision.accepted)


@pytest.mark.parametrize(
    "script", ["no.py", "", "a\0b", ".", "policy.json/x", "x" * 5_000, "loop"]
)
def test_a_script_that_cannot_be_is_refused_with_its_place(
    enforced: Any, folder: Any, script: str
) -> None:
    """When the policy is loaded, whatever is wrong with the path."""
    (folder.path / "loop").symlink_to("loop")
    with pytest.raises(InvalidPolicy) as caught:
        enforced(kinds_own(script=script))
    assert [problem.place for problem in caught.value.problems] == ["rules.1.script"]
