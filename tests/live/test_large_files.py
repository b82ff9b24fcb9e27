"""A policy file of sixty megabytes of nonsense holds up no decision: it is not parsed."""

import json

import pytest

from orly_policy_plugin.errors import PolicyError, Unreadable
from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.policy import InvalidPolicy, read_policy
from orly_policy_plugin.policy.strict_json import MOST_PARTS
from orly_policy_plugin.settings import Settings

from .making import World, eventually, owner, policy, signed

MEBIBYTE = 1024 * 1024


@pytest.fixture
def nonsense() -> bytes:
    return b'{"_": [' + b"[[]]," * (12 * MEBIBYTE) + b"1]}"


def test_sixty_megabytes_are_refused_unread(world: World, nonsense: bytes) -> None:
    """What stood stays in force; the status says what is wrong and what would do."""
    assert len(nonsense) > 60_000_000
    before = world.plugin.snapshot
    with world.running():
        world.save(nonsense)
        eventually(lambda: world.plugin.status.problems != ())
        assert "is over 8388608 bytes" in str(world.plugin.status.problems[0])
        assert "ORLY_POLICY_MAX_BYTES" in str(world.plugin.status.problems[0])
        assert world.plugin.snapshot is before
        world.save(policy(kind={"blacklist": [7]}))
        eventually(lambda: world.plugin.snapshot.policy.kind.blacklist == (7,))
        eventually(lambda: world.plugin.status.problems == ())


def test_a_start_with_too_much_says_so(world: World, nonsense: bytes) -> None:
    """And which setting lets it in."""
    world.file.write_bytes(nonsense)
    with pytest.raises(Unreadable, match="largest_policy_bytes"):
        PolicyPlugin.load(world.file)


def test_many_small_parts_are_refused_before_they_are_parsed(nonsense: bytes) -> None:
    """A parser takes a microsecond for each list, in which nothing else can run."""
    with pytest.raises(InvalidPolicy, match=f"a policy at most {MOST_PARTS}"):
        read_policy(nonsense[: 4 * MEBIBYTE])


def test_a_setting_lets_in_a_larger_file(world: World) -> None:
    """For who has a hundred thousand members."""
    world.save({**policy(), "_": "x" * (9 * MEBIBYTE)})
    with pytest.raises(Unreadable):
        PolicyPlugin.load(world.file)
    large = PolicyPlugin.load(world.file, largest_policy_bytes=10 * MEBIBYTE)
    assert owner.pubkey in large.snapshot.owners


def test_a_program_cannot_put_in_what_could_not_be_read(world: World) -> None:
    """Or the next start would fail."""
    before = world.on_disk()
    with pytest.raises(InvalidPolicy, match="bytes, over"):
        world.plugin.replace_policy(b'{"_": "' + b"x" * 9 * MEBIBYTE + b'"}')
    assert world.on_disk() == before


@pytest.mark.parametrize(("text", "bytes_"), [("", 8 * MEBIBYTE), ("100000000", 100_000_000)])
def test_the_environment_sets_it(text: str, bytes_: int) -> None:
    """For the relay and the command line alike."""
    settings = Settings.from_environment("policy.json", {"ORLY_POLICY_MAX_BYTES": text})
    assert settings.largest_policy_bytes == bytes_


@pytest.mark.parametrize("text", ["0", "-1", "8M", "1_000", "\u0661"])
def test_what_is_no_number_of_bytes_is_an_error(text: str) -> None:
    """With the variable's name."""
    with pytest.raises(PolicyError, match="ORLY_POLICY_MAX_BYTES"):
        Settings.from_environment("policy.json", {"ORLY_POLICY_MAX_BYTES": text})


BOUNDS = {
    "bytes": ({"largest_policy_bytes": 2000}, '"_": [' + "1," * 400 + "1]"),
    "brackets": ({}, '"_": [' + "[]," * (MOST_PARTS - 7) + "1]"),
    "brackets in a text": (
        {},
        '"_": "' + r"\u005b" * 100_000 + '", "_2": "' + "[" * 200_000 + '"',
    ),
    "nested": ({}, '"_": ' + "[" * 30 + "1," * 200_000 + "1" + "]" * 30),
}


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.heavy
def test_an_event_cannot_put_in_what_could_not_be_read(world: World, name: str) -> None:
    """Small as it is, the file that it makes is larger."""
    settings, comment = BOUNDS[name]
    world.settings = settings
    world.restart()
    text = json.dumps(policy())[:-1] + ", " + comment + "}"
    read_policy(text.encode())
    told = world.refused(signed(owner, text))
    assert told.startswith("invalid: ")
    world.applied(signed(owner, policy()))
