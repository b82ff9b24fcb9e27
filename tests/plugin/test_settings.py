"""What the environment says."""

from pathlib import Path
from typing import Any

import pytest
from examples import ALICE, BOB
from strategies import NPUB, NPUB_HEX

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.settings import Settings


def test_the_host_may_name_the_file() -> None:
    """Then ORLY_POLICY_PATH is not looked at, not even a wrong one."""
    settings = Settings.from_environment("/a/policy.json", {"ORLY_POLICY_PATH": "wrong"})
    assert settings.path == Path("/a/policy.json")


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"ORLY_POLICY_PATH": "/a/p.json", "XDG_CONFIG_HOME": "/c"}, "/a/p.json"),
        ({"XDG_CONFIG_HOME": "/c"}, "/c/ORLY/policy.json"),
        ({"ORLY_POLICY_PATH": "", "XDG_CONFIG_HOME": "/c"}, "/c/ORLY/policy.json"),
    ],
)
def test_the_environment_names_the_file(environment: dict[str, str], path: str) -> None:
    """ORLY_POLICY_PATH, or the configuration folder's ORLY/policy.json."""
    assert Settings.from_environment(environment=environment).path == Path(path)


def test_without_anything_it_is_in_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """~/.config is the configuration folder."""
    monkeypatch.setenv("HOME", "/home/somebody")
    assert Settings.from_environment(environment={}).path == Path(
        "/home/somebody/.config/ORLY/policy.json"
    )


@pytest.mark.parametrize("path", ["policy.json", "./policy.json", "~/policy.json"])
def test_a_relative_path_is_refused(path: str) -> None:
    """It would depend on where the relay was started."""
    with pytest.raises(PolicyError, match=r"ORLY_POLICY_PATH.*absolute"):
        Settings.from_environment(environment={"ORLY_POLICY_PATH": path})


def owners(text: str) -> tuple[str, ...]:
    return Settings.from_environment("/p", {"ORLY_OWNERS": text}).owners


def test_owners_are_separated_by_commas() -> None:
    """In any form of a key, with spaces and a comma too many."""
    assert owners("") == ()
    assert owners(" , ") == ()
    assert owners(f"{ALICE}, {BOB.upper()},{NPUB},") == (ALICE, BOB, NPUB_HEX)


def test_wrong_owners_are_all_named() -> None:
    """An owner that is skipped could not manage the relay, and nobody would know."""
    with pytest.raises(PolicyError) as caught:
        owners(f"{ALICE},x,{BOB}y")
    assert "ORLY_OWNERS[1]" in str(caught.value)
    assert "ORLY_OWNERS[2]" in str(caught.value)


@pytest.mark.parametrize("text", ["false", "False", "FALSE", "0", "no", "off", "f", " false "])
def test_it_can_be_switched_off(text: str) -> None:
    """ORLY_POLICY_ENABLED=false."""
    assert not Settings.from_environment("/p", {"ORLY_POLICY_ENABLED": text}).enabled


@pytest.mark.parametrize("text", ["", "true", "True", "1", "yes", "on", "t"])
def test_it_is_on(text: str) -> None:
    """Also where nothing is said."""
    assert Settings.from_environment("/p", {"ORLY_POLICY_ENABLED": text}).enabled
    assert Settings.from_environment("/p", {}).enabled


@pytest.mark.parametrize("text", ["flase", "disabled", "2", "null"])
def test_a_word_that_is_neither_is_an_error(text: str) -> None:
    """Not a guess in either direction."""
    with pytest.raises(PolicyError, match=r"ORLY_POLICY_ENABLED.*neither true nor false"):
        Settings.from_environment("/p", {"ORLY_POLICY_ENABLED": text})


@pytest.mark.parametrize(
    "wrong",
    [
        {"script_failure_write": "allow"},
        {"script_failure_read": ""},
        {"script_environment": "PATH"},
        {"script_environment": (1,)},
    ],
    ids=str,
)
def test_a_setting_of_scripts_that_is_none_is_an_error(wrong: dict[str, Any]) -> None:
    """A failure that was meant to deny does not allow because of a slip."""
    with pytest.raises((ValueError, TypeError), match=next(iter(wrong))):
        Settings(path=Path("/p"), **wrong)


def test_a_scripts_failure_gives_the_default_on_writes_and_denies_reads() -> None:
    """Where nothing is said."""
    settings = Settings(path=Path("/p"))
    assert (settings.script_failure_write, settings.script_failure_read) == ("default", "deny")


@pytest.mark.parametrize("text", ["0", "9" * 19, "9" * 30, "9" * 5000, " 9 9 ", "1e3", "٣"])
def test_what_is_no_number_of_bytes_is_told(text: str) -> None:
    """Nor is one that no file could have, and that Python could not even read."""
    with pytest.raises(PolicyError, match=r"ORLY_POLICY_MAX_BYTES: '.* is no number of bytes"):
        Settings.from_environment("/p", {"ORLY_POLICY_MAX_BYTES": text})


@pytest.mark.parametrize(
    ("text", "bytes_"), [(" 1000\n", 1000), ("9" * 10, 2**30), ("9" * 18, 2**30)]
)
def test_the_largest_policy_can_be_read_at_once(text: str, bytes_: int) -> None:
    """A limit beyond what Python would set aside memory for is as good as one below."""
    settings = Settings.from_environment("/p", {"ORLY_POLICY_MAX_BYTES": text})
    assert settings.largest_policy_bytes == bytes_


def test_missing_plugins_are_a_mistake_or_a_warning() -> None:
    """The environment says, or the program."""
    name = "ORLY_POLICY_MISSING_PLUGINS"
    assert Settings.from_environment("/p", {}).missing_plugins == "stop"
    assert Settings.from_environment("/p", {name: " Warn"}).missing_plugins == "warn"
    made = Settings.from_environment("/p", {name: "warn"}, missing_plugins="stop")
    assert made.missing_plugins == "stop"
    with pytest.raises(PolicyError, match=f"{name}: 'maybe' is neither stop nor warn"):
        Settings.from_environment("/p", {name: "maybe"})


def test_the_environment_names_the_store_of_a_fleet() -> None:
    """The program's own word counts first, and no representation has the password."""
    url = "postgresql://relay:secret@db:5432/relay"
    environment = {
        "ORLY_POLICY_STORE": url,
        "ORLY_POLICY_FLEET": "mine",
        "ORLY_POLICY_STORE_IS_TRUSTED": "no",
    }
    made = Settings.from_environment("/p", environment)
    assert (made.store, made.fleet, made.store_is_trusted) == (url, "mine", False)
    assert "postgresql://relay@db:5432/relay" in repr(made)
    assert "secret" not in repr(made)
    others = Settings.from_environment("/p", environment, store=None, fleet="yours")
    assert (others.store, others.fleet) == (None, "yours")
    usual = Settings.from_environment("/p", {})
    assert (usual.store, usual.fleet, usual.store_is_trusted) == (None, "relay", True)
    with pytest.raises(PolicyError, match="ORLY_POLICY_STORE_IS_TRUSTED: 'maybe' is neither"):
        Settings.from_environment("/p", {"ORLY_POLICY_STORE_IS_TRUSTED": "maybe"})
