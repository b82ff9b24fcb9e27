"""Which contributions fit the owner's policy, and which stand beside each other."""

from typing import Any

import attrs
import pytest
from examples import ADMIN, ALICE, BOB, NOW, OWNER
from hypothesis import given
from hypothesis import strategies as st
from strategies import kinds, policies, some

from orly_policy_plugin.authority import Contribution, check_fits, standing_contributions
from orly_policy_plugin.policy import InvalidPolicy, Policy, structure_policy

from .making import EVENT_ID, OTHER_ADMIN, OWNERS, contribution, policy
from .test_contributions import CONTENTS

ENVIRONMENT_OWNER = "e0" * 32
WITH_RULES = policy(
    **{
        "global": {"size_limit": 1000, "max_age_of_event": 3600},
        "rules": {"1": {"content_limit": 100, "max_age_event_in_future": 60}, "7": {}},
    }
)


def problems(
    new: Contribution, to: Policy = WITH_RULES, standing: tuple[Contribution, ...] = ()
) -> list[str]:
    try:
        check_fits(new, to, owners=OWNERS | {ENVIRONMENT_OWNER}, standing=standing)
    except InvalidPolicy as error:
        return str(error).split("\n")
    return []


DENIED = "this is an owner or a policy admin, whom an admin cannot deny"
MISFITS: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"kind_blacklist_add": [4, 3, 5, 12345, 22242]},
        [
            "kind_blacklist_add[1]: an admin cannot blacklist kind 3 (follow lists)",
            "kind_blacklist_add[2]: an admin cannot blacklist kind 5 (deletions)",
            "kind_blacklist_add[3]: an admin cannot blacklist kind 12345 (policy events)",
            "kind_blacklist_add[4]: an admin cannot blacklist kind 22242 (authentication)",
        ],
    ),
    (
        {"rules_add": {"3": {}, "5": {}, "12345": {}, "22242": {}}},
        [
            "rules_add.3: an admin cannot add a rule for kind 3 (follow lists)",
            "rules_add.5: an admin cannot add a rule for kind 5 (deletions)",
            "rules_add.12345: no rule decides kind 12345 (policy events)",
        ],
    ),
    (
        {
            "rules_extend": {"1": {"write_deny_add": [BOB, OWNER]}},
            "global_extend": {"read_deny_add": [ADMIN, OTHER_ADMIN, ENVIRONMENT_OWNER]},
            "rules_add": {"9": {"read_deny": [BOB, OWNER], "write_deny": [ADMIN]}},
        },
        [
            f"rules_extend.1.write_deny_add[1]: {DENIED}",
            f"rules_add.9.write_deny[0]: {DENIED}",
            f"rules_add.9.read_deny[1]: {DENIED}",
            f"global_extend.read_deny_add[0]: {DENIED}",
            f"global_extend.read_deny_add[1]: {DENIED}",
            f"global_extend.read_deny_add[2]: {DENIED}",
        ],
    ),
    (
        {"rules_add": {"9": {"script": "/bin/sh"}}},
        ["rules_add.9.script: an admin's rule cannot name a script; remove it"],
    ),
    (
        {"rules_extend": {"8": {}}},
        [
            "rules_extend.8: the owner's policy has no rule for this kind; rules_add adds one",
        ],
    ),
    (
        {"rules_add": {"7": {}}},
        ["rules_add.7: the owner's policy has a rule for this kind; rules_extend adds to it"],
    ),
    (
        {
            "rules_extend": {
                "1": {"content_limit_override": 99, "max_age_event_in_future_override": 0}
            },
            "global_extend": {"size_limit_override": 999, "max_age_of_event_override": 3599},
        },
        [
            "rules_extend.1.content_limit_override: an admin may raise it only: 100 -> 99",
            "rules_extend.1.max_age_event_in_future_override: an admin may raise it only: 60 -> 0",
            "global_extend.size_limit_override: an admin may raise it only: 1000 -> 999",
            "global_extend.max_age_of_event_override: an admin may raise it only: 3600 -> 3599",
        ],
    ),
]


@pytest.mark.parametrize(("content", "expected"), MISFITS)
def test_a_misfit_is_refused_with_its_places(content: dict[str, Any], expected: list[str]) -> None:
    """Section 9's list of what is refused, each with the place in the contribution."""
    assert problems(contribution(**content)) == expected


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"kind_whitelist_add": [3, 5]},
        {"rules_extend": {"7": {"size_limit_override": 0, "max_age_of_event_override": 0}}},
        {"rules_extend": {"1": {"content_limit_override": 100}}},
        {"rules_extend": {"7": {"write_deny_add": [ALICE]}}},
        {"rules_add": {"9": {"write_deny": [ALICE], "size_limit": 0}}},
    ],
)
def test_what_fits_passes(content: dict[str, Any]) -> None:
    """An override where the owner set no limit, and an equal one, are no misfits."""
    assert problems(contribution(**content)) == []


def test_global_extend_needs_no_global_rule() -> None:
    """It stands for one."""
    new = contribution(global_extend={"write_deny_add": [ALICE], "size_limit_override": 1})
    assert problems(new, policy()) == []


def test_the_author_must_be_an_admin_now() -> None:
    """Neither a stranger nor a former admin, nor an owner who is no admin."""
    for author in (ALICE, OWNER):
        assert problems(contribution(author)) == [
            "admin_pubkey: its author is not a policy admin now"
        ]


def test_one_rule_a_kind() -> None:
    """Whoever added it first has it, the same admin included."""
    for admin in (ADMIN, OTHER_ADMIN):
        first = contribution(admin, event_id="11" * 32, rules_add={"9": {}})
        assert problems(contribution(rules_add={"9": {}}), standing=(first,)) == [
            f"rules_add.9: the contribution {'11' * 32} has already added a rule for this kind"
        ]


def test_a_full_policy_does_not_stand_in_its_successors_way() -> None:
    """It takes the earlier one's place, so that it may have the same rules."""
    first = contribution(event_id="11" * 32, full=True, rules_add={"9": {}})
    assert problems(contribution(full=True, rules_add={"9": {}}), standing=(first,)) == []
    assert problems(contribution(rules_add={"9": {}}), standing=(first,)) != []
    of_other = attrs.evolve(first, admin=OTHER_ADMIN)
    assert problems(contribution(full=True, rules_add={"9": {}}), standing=(of_other,)) != []


def test_at_most_a_hundred_stand() -> None:
    """The hundredth fits, the next does not; another admin's do not count."""
    standing = tuple(contribution(event_id=f"{i:064x}") for i in range(100))
    others = tuple(contribution(OTHER_ADMIN, event_id=f"{i:064x}") for i in range(200, 400))
    assert problems(contribution(), standing=standing[1:] + others) == []
    assert problems(contribution(), standing=standing) == [
        "an admin has at most 100 contributions at a time; withdraw one first "
        "(with a kind 5 event that names it)"
    ]
    assert problems(standing[5], standing=standing) == []


# --- which stand


def ids(contributions: tuple[Contribution, ...]) -> list[str]:
    return [made.event_id[:2] for made in contributions]


def standing(*given_: Contribution, to: Policy = WITH_RULES) -> tuple[list[str], dict[str, str]]:
    kept, skipped = standing_contributions(to, given_, owners=OWNERS)
    return ids(kept), {
        s.contribution.event_id[:2]: "; ".join(map(str, s.problems)) for s in skipped
    }


def at(seconds: int, event_id: str, **more: Any) -> Contribution:
    return contribution(created_at=NOW + seconds, event_id=event_id * 32, **more)


def test_they_stand_oldest_first() -> None:
    """By `created_at`, then by event id."""
    assert standing(at(5, "aa"), at(0, "cc"), at(0, "bb")) == (["bb", "cc", "aa"], {})


def test_of_two_rules_for_a_kind_the_older_stands() -> None:
    """The other is skipped whole, with the reason."""
    late = at(1, "aa", rules_add={"9": {}}, kind_whitelist_add=[1])
    kept, skipped = standing(late, at(0, "bb", admin=OTHER_ADMIN, rules_add={"9": {}}))
    assert kept == ["bb"]
    assert skipped == {
        "aa": f"rules_add.9: the contribution {'bb' * 32} has already added a rule for this kind"
    }


def test_one_that_does_not_fit_stands_in_nobodys_way() -> None:
    """A rule of one that is skipped leaves the kind free."""
    misfit = at(0, "aa", rules_add={"9": {}, "7": {}})
    kept, skipped = standing(misfit, at(1, "bb", rules_add={"9": {}}))
    assert kept == ["bb"]
    assert skipped.keys() == {"aa"}


def test_only_admins_of_now_count() -> None:
    """Whoever is no longer an admin adds nothing, and that is said."""
    kept, skipped = standing(at(0, "aa", admin=ALICE), at(0, "bb"))
    assert kept == ["bb"]
    assert skipped == {"aa": "admin_pubkey: its author is not a policy admin now"}


def test_the_newest_full_policy_of_an_admin_stands() -> None:
    """It takes the place of that admin's earlier ones, not of contributions or of others'."""
    kept, skipped = standing(
        at(0, "aa", full=True, kind_whitelist_add=[1]),
        at(1, "bb", full=True),
        at(1, "cc", full=True),
        at(0, "dd"),
        at(0, "ee", full=True, admin=OTHER_ADMIN),
    )
    assert kept == ["dd", "ee", "cc"]
    replaced = "a newer full policy of the same admin has taken its place"
    assert skipped == {"aa": replaced, "bb": replaced}


def test_a_newest_full_policy_that_fits_no_more_brings_no_older_one_back() -> None:
    """What it replaced stays replaced."""
    kept, skipped = standing(
        at(0, "aa", full=True), at(1, "bb", full=True, rules_extend={"99": {}})
    )
    assert kept == []
    assert skipped.keys() == {"aa", "bb"}


def test_an_override_below_a_limit_raised_since_stands() -> None:
    """The larger counts; it only does nothing."""
    assert standing(at(0, "aa", rules_extend={"1": {"content_limit_override": 1}})) == (["aa"], {})


def test_the_hundred_oldest_stand() -> None:
    """More than that can only have come by hand."""
    many_more = [contribution(event_id=f"{i:064x}") for i in range(103)]
    kept, skipped = standing_contributions(WITH_RULES, many_more, owners=OWNERS)
    assert list(kept) == many_more[:100]
    assert [s.contribution for s in skipped] == many_more[100:]


@pytest.mark.parametrize("differing", [{"kind_whitelist_add": [1]}, {"full": True}])
def test_two_contents_of_one_event_id_are_told_apart(differing: dict[str, Any]) -> None:
    """One stands, the same whatever comes first; the same thing twice counts once."""
    one, other = at(0, "aa"), at(0, "aa", **differing)
    results = [
        standing_contributions(WITH_RULES, order, owners=OWNERS)
        for order in ([one, other, one], [other, one], [other, other, one])
    ]
    assert results[0] == results[1] == results[2]
    kept, skipped = results[0]
    assert [*kept, *(s.contribution for s in skipped)] in ([one, other], [other, one])
    assert str(skipped[0].problems[0]) == "event_id: another contribution has the same event id"


_CONTRIBUTIONS = st.lists(
    st.builds(
        lambda content, admin, seconds, number, full: contribution(
            admin, NOW + seconds, f"{number:02x}" * 32, full=full, **content
        ),
        CONTENTS,
        st.sampled_from((ADMIN, OTHER_ADMIN, ALICE)),
        st.integers(0, 2),
        st.integers(0, 20),
        st.booleans(),
    ),
    max_size=8,
)


@some
@given(_CONTRIBUTIONS, st.randoms(), policies())
def test_the_order_of_arrival_does_not_matter(
    given_: list[Contribution], random: Any, content: dict[str, Any]
) -> None:
    """The same contributions stand, in the same order, and the same are skipped."""
    to = structure_policy(content | {"policy_admins": [ADMIN, OTHER_ADMIN]})
    shuffled = list(given_)
    random.shuffle(shuffled)
    result = standing_contributions(to, given_, owners=OWNERS)
    assert standing_contributions(to, [*shuffled, *shuffled[:2]], owners=OWNERS) == result
    assert standing_contributions(to, result[0], owners=OWNERS) == (result[0], ())


@some
@given(_CONTRIBUTIONS, CONTENTS, st.sets(kinds))
def test_what_was_let_in_stands(
    given_: list[Contribution], content: dict[str, Any], ruled: set[int]
) -> None:
    """A contribution that check_fits lets in stands at the next load beside the others."""
    to = policy(rules={str(kind): {} for kind in ruled})
    before, _ = standing_contributions(to, given_, owners=OWNERS)
    new = contribution(created_at=NOW + 10, event_id=EVENT_ID, **content)
    try:
        check_fits(new, to, owners=OWNERS, standing=before)
    except InvalidPolicy:
        return
    after, _ = standing_contributions(to, [new, *before], owners=OWNERS)
    assert after == (*before, new)
