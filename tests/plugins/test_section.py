"""The section ``plugins``: settings are checked, and in force when the policy is."""

import json
import logging
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from examples import ALICE, NOBODY, NOW, AnEvent
from live.making import eventually

from orly_policy_hookspecs import Context, Decision, Event, Gate, InvalidSettings, hookimpl
from orly_policy_plugin.authority import contribution_of
from orly_policy_plugin.plugin import NAME, PolicyPlugin
from orly_policy_plugin.policy import InvalidPolicy, structure_policy

Json = dict[str, Any]


@attrs.define(eq=False)
class Longest:
    """Refuses longer contents than its settings say."""

    most: int = 1_000
    asked: list[Json] = attrs.Factory(list)
    """The settings that it was asked to check."""

    @hookimpl
    def configure(self, settings: Mapping[str, Any]) -> Callable[[], None]:
        self.asked.append(dict(settings))
        most = settings.get("most", 10)
        if type(most) is not int:
            raise InvalidSettings({"most": f"expected a whole number, found {most!r}"})

        def use() -> None:
            self.most = most

        return use

    @hookimpl
    def on_write(self, event: Event) -> Decision | None:
        if len(event.content) > self.most:
            return Decision.reject(f"blocked: over {self.most}")
        return None


class WithoutSettings:
    @hookimpl
    def on_write(self) -> None:
        """Nothing to say."""


class Raising(WithoutSettings):
    @hookimpl
    def configure(self, settings: Mapping[str, Any]) -> None:
        raise KeyError("bits")


class Answering(WithoutSettings):
    @hookimpl
    def configure(self) -> Any:
        return "yes"


@attrs.frozen(eq=False)
class Relayed:
    """A policy file, an engine that follows it, and other plugins, in one gate."""

    path: Path
    gate: Gate
    engine: PolicyPlugin

    def says(self, length: int) -> str:
        """The answer to a write of so many characters."""
        return self.gate.blocking.write(AnEvent(content="x" * length), NOBODY).message

    def save(self, policy: Json) -> None:
        self.path.write_text(json.dumps(policy))

    def save_until(self, policy: Json, condition: Callable[[], object]) -> None:
        self.save(policy)
        eventually(condition)


def started(folder: Path, policy: Json, *, name: str = NAME, **plugins: object) -> Relayed:
    """A gate that was started."""
    path = folder / "policy.json"
    path.write_text(json.dumps(policy))
    gate = Gate()
    engine = PolicyPlugin.load(path, clock=lambda: NOW)
    gate.register(engine, name)
    for each, plugin in plugins.items():
        gate.register(plugin, each)
    gate.check()
    return Relayed(path, gate, engine)


def problems(folder: Path, policy: Json, **plugins: object) -> list[str]:
    """Why a gate does not start."""
    with pytest.raises(InvalidPolicy) as caught:
        started(folder, policy, **plugins)
    return [str(problem) for problem in caught.value.problems]


def test_a_plugin_has_its_settings_when_the_relay_opens(tmp_path: Path) -> None:
    """Also where the policy says nothing of it: then it is asked with none."""
    with_some, without = Longest(), Longest()
    started(tmp_path, {"plugins": {"some": {"most": 5}}}, some=with_some, without=without)
    assert (with_some.most, without.most) == (5, 10)
    assert (with_some.asked, without.asked) == ([{"most": 5}], [{}])


def test_they_are_the_plugins_own_copy(tmp_path: Path) -> None:
    """A plugin that writes into them changes no policy."""

    class Writing(WithoutSettings):
        @hookimpl
        def configure(self, settings: Any) -> None:
            settings["keys"].append("more")

    relayed = started(tmp_path, {"plugins": {"it": {"keys": ["one"]}}}, it=Writing())
    assert relayed.engine.snapshot.policy.plugins == {"it": {"keys": ["one"]}}


def test_each_problem_has_its_place(tmp_path: Path) -> None:
    """And says what would be right."""
    policy = {"plugins": {"a": {"most": "5"}, "longst": {}, NAME: {}, "mute": {"x": 1}}}
    assert problems(tmp_path, policy, a=Longest(), longest=Longest(), mute=WithoutSettings()) == [
        "plugins.longst: no plugin 'longst' is installed; did you mean 'longest'?",
        f"plugins.{NAME}: this is the policy itself, which has no settings here",
        "plugins.a.most: expected a whole number, found '5'",
        "plugins.mute: the plugin mute has no settings",
    ]


@pytest.mark.parametrize("value", [True, 5, "no", []])
def test_a_section_is_an_object_or_false(tmp_path: Path, value: Any) -> None:
    """Nothing else is taken for either."""
    (problem,) = problems(tmp_path, {"plugins": {"it": value}}, it=Longest())
    assert problem.startswith("plugins.it: expected an object in braces, or false, found ")


@pytest.mark.parametrize(
    ("plugin", "why"),
    [
        (Raising(), "the plugin it failed to read its settings: KeyError('bits')"),
        (Answering(), "the plugin it answered 'yes' to its settings, not a function or None"),
    ],
)
def test_a_plugin_that_fails_keeps_the_relay_closed(
    tmp_path: Path, plugin: object, why: str
) -> None:
    """It is named."""
    assert problems(tmp_path, {"plugins": {"it": {}}}, it=plugin) == [f"plugins.it: {why}"]


def test_false_switches_a_plugin_off(tmp_path: Path) -> None:
    """It is not asked, nor for its settings."""
    longest = Longest(most=3)
    relayed = started(tmp_path, {"plugins": {"it": False}}, it=longest)
    assert relayed.says(5) == ""
    assert longest.asked == []


def test_the_engine_cannot_be_switched_off(tmp_path: Path) -> None:
    """Whatever its name is."""
    policy = {"default_policy": "deny", "plugins": {"mine": False}}
    with pytest.raises(InvalidPolicy, match="this is the policy itself"):
        started(tmp_path, policy, name="mine")


def test_a_missing_plugin_may_be_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By a setting."""
    path = tmp_path / "policy.json"
    path.write_text('{"plugins": {"gone": {"a": 1}}}')
    gate = Gate()
    gate.register(PolicyPlugin.load(path, missing_plugins="warn"), NAME)
    gate.check()
    assert "plugins.gone: no plugin 'gone' is installed" in caplog.text


def test_a_saved_file_changes_settings(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Only those that differ; what a plugin refuses changes nothing, of no plugin."""
    caplog.set_level(logging.INFO)
    one, other = Longest(), Longest()
    relayed = started(tmp_path, {"plugins": {"one": {"most": 3}}}, one=one, other=other)
    relayed.engine.start()
    try:
        assert relayed.says(4) == "blocked: over 3"
        relayed.save_until({"plugins": {"one": {"most": 4}}}, lambda: one.most == 4)
        assert relayed.says(4) == ""
        assert other.asked == [{}]

        relayed.save({"plugins": {"one": {"most": 2}, "other": {"most": None, "x": "y"}}})
        eventually(lambda: other.asked == [{}, {"x": "y"}])
        eventually(lambda: one.most == 2)

        relayed.save_until(
            {"plugins": {"one": {"most": 1}, "other": {"most": "many"}}},
            lambda: relayed.engine.status.problems,
        )
        assert "plugins.other.most: expected a whole number, found 'many'" in caplog.text
        assert (one.most, relayed.says(2)) == (2, "")

        relayed.save_until({"plugins": {"one": False}}, lambda: relayed.says(9) == "")
        relayed.save_until({}, lambda: relayed.says(11) == "blocked: over 10")
    finally:
        relayed.engine.stop()


def test_other_changes_ask_no_plugin(tmp_path: Path) -> None:
    """Neither a rule's nor a follow list's."""
    longest = Longest()
    policy: Json = {"plugins": {"it": {"most": 5}}}
    relayed = started(tmp_path, policy, it=longest)
    relayed.engine.replace_policy(json.dumps(policy | {"rules": {"1": {}}}).encode())
    relayed.engine.set_follows({})
    assert longest.asked == [{"most": 5}]


def test_settings_are_what_a_version_is_about(tmp_path: Path) -> None:
    """And a difference of it."""
    relayed = started(tmp_path, {"plugins": {"it": {"most": 5}}}, it=Longest())
    old = relayed.engine.snapshot
    new = relayed.engine.replace_policy(b'{"plugins": {"it": {"most": 6}}}')
    assert new.version != old.version
    assert [str(each) for each in new.changes_since(old)] == ["plugins.it.most: 5 -> 6"]


def test_a_plugin_that_cannot_use_them_after_all_is_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With its name; the policy is in force."""

    class Lying(WithoutSettings):
        @hookimpl
        def configure(self) -> Callable[[], None]:
            def use() -> None:
                raise OSError("no more")

            return use

    relayed = started(tmp_path, {"rules": {"1": {"content_limit": 2}}}, it=Lying())
    assert relayed.says(3).startswith("blocked: content is 3 bytes")
    assert "plugin it: its settings could not be put in force" in caplog.text


def test_a_wrapper_that_is_off_wraps_nothing(tmp_path: Path) -> None:
    """Nor do the others go unasked because of it."""

    class Wrapping:
        @hookimpl(wrapper=True)
        def on_write(self, event: Event) -> Generator[None, list[Any], list[Any]]:
            return [*(yield), Decision.reject("blocked: wrapped")]

    relayed = started(tmp_path, {}, it=Wrapping(), longest=Longest())
    assert relayed.says(1) == "blocked: wrapped"
    relayed.engine.replace_policy(b'{"plugins": {"it": false}}')
    assert (relayed.says(1), relayed.says(11)) == ("", "blocked: over 10")
    relayed.engine.replace_policy(b'{"plugins": {"longest": false}}')
    assert (relayed.says(1), relayed.says(11)) == ("blocked: wrapped",) * 2


def test_read_scopes_of_a_plugin_that_is_off_do_not_count(tmp_path: Path) -> None:
    """Nor do those that are remembered."""

    class Closing:
        @hookimpl
        def on_read(self, event: Event, context: Context) -> Decision:
            return Decision.reject("blocked: no")

    policy: Json = {"plugins": {}}
    relayed = started(tmp_path, policy, it=Closing())
    assert not relayed.gate.read_scopes(NOBODY).others.grants_rest
    relayed.engine.replace_policy(b'{"plugins": {"it": false}}')
    assert relayed.gate.read_scopes(NOBODY).others.grants_rest
    assert relayed.gate.blocking.read(AnEvent(), NOBODY).accepted


@pytest.mark.parametrize(
    ("place", "own"),
    [
        ("plugins", {"plugins": {"it": {"key": "secret"}}}),
        ("rules.1.x_ask", {"rules": {"1": {"x_ask": "secret"}}}),
    ],
)
def test_no_admin_is_told_the_settings(place: str, own: Json) -> None:
    """They may hold keys of others' services."""
    admins: Json = {"rules": {"1": {}}} if place != "plugins" else {}
    with pytest.raises(InvalidPolicy) as caught:
        contribution_of(
            structure_policy(admins),
            structure_policy(own),
            owners=frozenset(),
            admin=ALICE,
            created_at=NOW,
            event_id="ee" * 32,
        )
    (problem,) = caught.value.problems
    assert problem.place == place
    assert "secret" not in problem.message
