"""Every field of the policy file is known wherever fields matter.

The tests walk the declarations in ``orly_policy_plugin/policy/models.py``. A field that is
declared and forgotten in one place fails here with its name.
"""

import json
import re
from pathlib import Path
from typing import Any

import attrs
import pytest
from examples import ADMIN, ALICE, BOB, CAROL, NOW, OWNER, AnEvent

from orly_policy_plugin.authority import (
    Contribution,
    check_fits,
    contribution_of,
    read_contribution,
)
from orly_policy_plugin.cli.summary import summary
from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.policy import (
    GlobalRule,
    InvalidPolicy,
    KindLists,
    Policy,
    Rule,
    differences,
    policy_version,
    structure_policy,
    unstructure_policy,
)
from orly_policy_plugin.policy.diff import changes_of_meaning
from orly_policy_plugin.policy.fields import BOTH, Field, Right, fields_of, keys_of, rights_in

Json = dict[str, Any]
EVENT_ID = "ee" * 32
SAMPLES: dict[str, Any] = {
    "text": "Notes",
    "path": "bin/ask",
    "bool": True,
    "keys": [ALICE],
    "kinds": [7],
    "tag names": ["t"],
    "ISO-8601 duration": "P1D",
    "RE2": "^a",
    "tag → RE2": {"t": "^a"},
    "kind lists": {"whitelist": [7]},
    "rule": {"size_limit": 5},
    "kind → rule": {"1": {"size_limit": 5}},
    "name → list": {"members": {"file": "members.txt"}},
    '`"allow"` or `"deny"`': "deny",
    "plugin → settings or `false`": {"pow": {"bits": 5}},
}
"""A value by what the declaration says it is; anything else is a number's unit."""
SAYS_NOTHING_ABOUT_EVENTS = {"description"}
"""No change of these allows or refuses anything."""


@attrs.frozen
class Place:
    """A field somewhere in the file."""

    model: type
    name: str
    where: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join((*self.where, self.key))

    @property
    def field(self) -> Field:
        return fields_of(self.model)[self.name]

    @property
    def key(self) -> str:
        return "x_pow" if self.field.prefix else keys_of(self.model)[self.name]

    @property
    def sample(self) -> Any:
        return SAMPLES.get(self.field.unit, 5)

    @property
    def around(self) -> Json:
        """What has to be in the file so that the field has an effect: all that it says besides."""
        if self.model is Policy:
            made: Json = {"default_policy": "deny", "global": {"write_allow_follows": True}}
            return {key: value for key, value in made.items() if key != self.key}
        made = {"default_policy": "deny", "policy_admins": [ADMIN]}
        made |= {"policy_follow_whitelist_enabled": True, "rules": {"1": {}}, "global": {}}
        return made if self.model is KindLists else made | {"kind": {"whitelist": [1]}}

    def written(self, *value: Any) -> Policy:
        """The policy with this value at the place; without one, as the field is not written."""
        made: Json = json.loads(json.dumps(self.around))
        inner = made
        for key in self.where:
            inner = inner.setdefault(key, {})
        if value:
            (inner[self.key],) = value
        return structure_policy(made)


def places(*parts: tuple[type, tuple[str, ...]]) -> list[Any]:
    found = [Place(model, name, where) for model, where in parts for name in fields_of(model)]
    return [pytest.param(place, id=str(place)) for place in found]


of_rules = pytest.mark.parametrize(
    "place", places((Rule, ("rules", "1")), (GlobalRule, ("global",)))
)
everywhere = pytest.mark.parametrize(
    "place",
    places(
        (Policy, ()),
        (KindLists, ("kind",)),
        (GlobalRule, ("global",)),
        (Rule, ("rules", "1")),
    ),
)


@everywhere
def test_it_is_read_and_checked(place: Place) -> None:
    """A value gets into the model, and a wrong one is a problem at its place."""
    with_it, without = place.written(place.sample), place.written()
    assert with_it != without
    if place.field.prefix:
        return  # what is wrong only plugins know
    with pytest.raises(InvalidPolicy) as found:
        place.written(5.5)
    assert str(found.value).startswith(f"{place}: expected ")


@everywhere
def test_it_is_written_and_counts_for_the_version(place: Place) -> None:
    """What was read is written back, and is another version."""
    with_it, without = place.written(place.sample), place.written()
    written: Any = unstructure_policy(with_it)
    for key in place.where:
        written = written[key]
    assert written[place.key] == place.sample
    assert structure_policy(unstructure_policy(with_it)) == with_it
    assert policy_version(with_it) != policy_version(without)
    [difference] = differences(without, with_it)
    assert str(place).startswith(difference.place)


@everywhere
def test_empty_is_another_version_where_it_is_declared_so(place: Place) -> None:
    """``[]`` or 0 written out is kept where it says something, and elsewhere is as not written."""
    if place.field.unit in ("path", "RE2", "ISO-8601 duration", '`"allow"` or `"deny"`'):
        return  # nothing of these is empty: other tests have that
    if place.field.prefix:
        return  # each member says something
    empty = type(place.sample)()
    with_it, without = place.written(empty), place.written()
    counts = policy_version(with_it) != policy_version(without)
    assert counts is place.field.counts_when_empty
    not_written = getattr(attrs.fields(place.model), place.name).default
    assert counts is (not_written is None)  # 0 that is "off" is the default, and so is []
    assert structure_policy(unstructure_policy(with_it)) == with_it or not counts


@everywhere
def test_its_change_is_told(place: Place) -> None:
    """``diff`` names it, or what it is about."""
    told = changes_of_meaning(place.written(), place.written(place.sample))
    if place.name in SAYS_NOTHING_ABOUT_EVENTS:
        assert told == []
        return
    about = "kind" if place.name.endswith("_permissive") else str(place)
    if place.name == "policy_follow_whitelist_enabled":
        about = "global.write_allow_follows"
    assert any(each.place.startswith(about) or about.startswith(each.place) for each in told), told


@everywhere
def test_it_has_words_in_the_summary(place: Place) -> None:
    """What ``check`` prints depends on it."""
    assert summary(place.written()) != summary(place.written(place.sample))


@of_rules
def test_it_is_a_step_of_explanations(place: Place) -> None:
    """On each access on which it is asked, at its place, and on no other."""
    policy = attrs.evolve(place.written(place.sample), default_policy="allow")
    snapshot = compile_policy(policy)  # what is denied anyway is charged to no rate
    for access in BOTH:
        steps = snapshot.explain(access, AnEvent(kind=1), (BOB,), NOW).steps
        is_there = any(step.place.startswith(str(place)) for step in steps)
        assert is_there is (access in place.field.asked_on), (access, steps)


@pytest.mark.parametrize("model", [Policy, KindLists, GlobalRule])
def test_it_is_in_the_specification(model: type) -> None:
    """The table of section 1 has each field with its unit and its accesses, in the order in
    which they are declared, and no other.
    """
    text = (Path(__file__).parents[1] / "docs" / "specification.md").read_text()
    rows = re.findall(r"(?m)^\| (`.+?`) \| (.*?) \|(?: (write|read|both|one|) ?\|)? ", text)
    accesses = {(): "", ("write",): "write", ("read",): "read", ("write", "read"): "both"}
    prefix = "kind." if model is KindLists else ""
    told = {
        name: (unit, access)
        for names, unit, access in rows
        for name in re.findall(r"`([\w.]+)`", names)
    }
    declared = [f"{prefix}{key}" for key in keys_of(model).values() if key != "kind"]
    assert [name for name in told if name in declared] == declared
    for name, field in zip(declared, _without_kind(model), strict=True):
        unit, access = told[name]
        assert unit == field.unit
        assert access in (accesses[field.asked_on], "one") or model is not GlobalRule


@pytest.mark.parametrize("model", [Policy, KindLists, GlobalRule])
def test_it_means_what_the_specification_says(model: type) -> None:
    """The words that editors show are those of the table; where that names a section, its own."""
    text = (Path(__file__).parents[1] / "docs" / "specification.md").read_text()
    rows = re.findall(
        r"(?m)^\| (`.+?`) \| .*? \|(?: (?:write|read|both|one|) ?\|)? (.*) \|$", text
    )
    told = {name: words for names, words in rows for name in re.findall(r"`([\w.]+)`", names)}
    for name, field in fields_of(model).items():
        key = keys_of(model)[name]
        if key == "kind":
            continue  # of which each field has a row
        words = told[f"kind.{key}" if model is KindLists else key]
        if not words.startswith("section"):
            plain = re.sub(r" ?\*\*\[.*?\]\*\*", "", words).replace("`", "")
            assert field.means == plain.replace("\u2212", "-").replace("\u2013", "-")
        assert field.means


def test_the_specification_invents_no_field() -> None:
    """What has a row in section 1 is declared."""
    text = (Path(__file__).parents[1] / "docs" / "specification.md").read_text()
    part = text.partition("## 1.")[2].partition("## 2.")[0]
    told = {
        name
        for names in re.findall(r"(?m)^\| (`.+?`) \|", part)
        for name in re.findall(r"`([\w.]+)`", names)
    }
    declared = {*keys_of(Policy).values(), *keys_of(GlobalRule).values()} - {"kind"}
    assert told == declared | {f"kind.{key}" for key in keys_of(KindLists).values()}


def _without_kind(model: type) -> list[Field]:
    return [field for name, field in fields_of(model).items() if name != "kind"]


# --- what policy admins may do


def sent_in_full(full: Policy, own: Policy) -> Contribution:
    return contribution_of(
        full, own, owners=frozenset({OWNER}), admin=ADMIN, created_at=NOW, event_id=EVENT_ID
    )


def before_and_after(place: Place, right: Right) -> tuple[Policy, Policy]:
    """The owner's policy and an admin's, who does what the right is for."""
    if right is Right.RAISE:
        return place.written(place.sample), place.written(place.sample + 1)
    if right is Right.ADD_TO_SOME:
        some, more = ([1], [1, 7]) if place.field.unit == "kinds" else ([BOB], [BOB, ALICE])
        return place.written(some), place.written(more)
    return place.written(), place.written(place.sample)


@everywhere
def test_an_admin_may_do_what_is_declared(place: Place) -> None:
    """Nothing else: whatever has no right is refused at its place."""
    if place.model is Policy and place.key in ("kind", "global", "rules"):
        return  # of which each field is walked
    right = place.field.right
    own, full = before_and_after(place, right or Right.SWITCH_ON)
    if right is None:
        with pytest.raises(InvalidPolicy, match=f"{re.escape(str(place))}: an admin cannot"):
            sent_in_full(full, own)
        return
    made = sent_in_full(full, own)
    check_fits(made, own, owners=frozenset({OWNER}), standing=())
    extending = f"{'kind_' if place.model is KindLists else ''}{place.key}{right.suffix}"
    assert extending in str(made.canonical)


@pytest.mark.parametrize("where", ["global", "rules.1"])
@pytest.mark.parametrize("right_to", rights_in(Rule), ids=lambda each: each.name)
def test_an_extension_takes_effect(where: str, right_to: Any) -> None:
    """What a contribution adds is in the explanation, at the contribution's place."""
    model = GlobalRule if where == "global" else Rule
    place = Place(model, right_to.name, tuple(where.split(".")))
    own, _ = before_and_after(place, right_to.right)
    added = place.sample + 1 if right_to.right is Right.RAISE else place.sample
    extension = {right_to.extending: added}
    content = (
        {"global_extend": extension} if where == "global" else {"rules_extend": {"1": extension}}
    )
    made = read_contribution(content, admin=ADMIN, created_at=NOW, event_id=EVENT_ID)
    check_fits(made, own, owners=frozenset({OWNER}), standing=())
    snapshot = compile_policy(own, contributions=[made])
    steps = [
        step.place
        for access in place.field.asked_on
        for step in snapshot.explain(access, AnEvent(kind=1), (CAROL,), NOW).steps
    ]
    part = "global_extend" if where == "global" else "rules_extend.1"
    assert f"contributions.{EVENT_ID}.{part}.{right_to.extending}" in steps


@pytest.mark.parametrize("name", list(fields_of(Rule)))
def test_an_admins_rule_has_what_is_not_for_owners_only(name: str) -> None:
    """A rule for a kind that has none may have any field but those."""
    place = Place(Rule, name, ("rules", "1"))
    content = {"rules_add": {"7": {place.key: place.sample}}}
    made = read_contribution(content, admin=ADMIN, created_at=NOW, event_id=EVENT_ID)
    own = place.written()
    if not place.field.owners_only:
        check_fits(made, own, owners=frozenset({OWNER}), standing=())
        return
    with pytest.raises(InvalidPolicy, match=f"an admin's rule cannot name a {place.key}"):
        check_fits(made, own, owners=frozenset({OWNER}), standing=())


def test_an_attribute_without_a_declaration_is_an_error() -> None:
    """It cannot be forgotten."""

    @attrs.frozen
    class Model:
        bare: int = 0

    with pytest.raises(TypeError, match=r"Model\.bare is not declared"):
        fields_of(Model)
