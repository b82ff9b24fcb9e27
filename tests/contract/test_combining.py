"""Several answers made one."""

from collections.abc import Callable
from itertools import combinations, permutations
from random import Random

import pytest
from examples import FALLBACK, NO, SHADOW, VOUCH, YES
from hypothesis import given
from hypothesis import strategies as st

from orly_policy_hookspecs import Decision, Verdict, combine

STRONGEST_FIRST = (NO, SHADOW, VOUCH, FALLBACK, YES)

answers = st.lists(
    st.builds(
        Decision,
        st.sampled_from(Verdict),
        st.sampled_from(("", "blocked: a", "error: b", "restricted: c", "auth-required: d")),
        st.sampled_from(("engine", "members", "spam")),
    ),
    max_size=6,
)
may_vouch = st.frozensets(st.sampled_from(("engine", "members", "spam", "gone")))


def test_no_answer_is_no_objection() -> None:
    """Where every plugin abstains, nothing is denied."""
    assert combine([]) == Decision.accept()


@pytest.mark.parametrize(("stronger", "weaker"), [*combinations(STRONGEST_FIRST, 2)])
def test_the_stronger_wins(stronger: Decision, weaker: Decision) -> None:
    """Firm reject over shadow reject over vouch over fallback over accept, in either order."""
    for both in permutations([stronger.attributed("a"), weaker.attributed("b")]):
        assert combine(both, {"a", "b"}).verdict is stronger.verdict


def test_a_vouch_counts_only_from_a_listed_plugin() -> None:
    """A plugin that the host does not list opens nothing; a listed one opens a fallback."""
    both = [VOUCH.attributed("members"), FALLBACK.attributed("engine")]
    assert not combine(both).accepted
    assert not combine(both, {"engine"}).accepted
    assert combine(both, {"members"}).accepted


def test_an_unlisted_vouch_alone_is_an_accept() -> None:
    """It says no more than that its plugin has no objection."""
    vouch = Decision(Verdict.VOUCH, "welcome", "members")
    assert combine([vouch]) == Decision(Verdict.ACCEPT, "welcome", "members")


@given(answers, may_vouch, st.randoms(use_true_random=False))
def test_the_order_of_plugins_does_not_matter(
    given_answers: list[Decision], listed: frozenset[str], random: Random
) -> None:
    """Any permutation of the answers combines to the very same decision, message and source."""
    shuffled = random.sample(given_answers, len(given_answers))
    assert combine(shuffled, listed) == combine(given_answers, listed)


@given(answers, may_vouch)
def test_a_firm_reject_always_wins(given_answers: list[Decision], listed: frozenset[str]) -> None:
    """Where one plugin rejects, the result is a reject."""
    rejecting = [*given_answers, NO.attributed("spam")]
    assert combine(rejecting, listed).verdict is Verdict.REJECT


@given(answers, may_vouch, st.sampled_from(Verdict))
def test_adding_an_answer_without_vouch_never_opens(
    given_answers: list[Decision], listed: frozenset[str], verdict: Verdict
) -> None:
    """Whatever a plugin that may not vouch says, nothing denied before is accepted now."""
    more = [*given_answers, Decision(verdict, "x", "unlisted")]
    assert combine(given_answers, listed).accepted or not combine(more, listed).accepted


@given(answers, may_vouch)
def test_a_listed_vouch_beats_only_fallbacks(
    given_answers: list[Decision], listed: frozenset[str]
) -> None:
    """A vouch opens exactly what no firm no and no shadow closes."""
    vouched = combine([*given_answers, VOUCH.attributed("members")], listed | {"members"})
    closed = any(a.verdict in (Verdict.REJECT, Verdict.SHADOW_REJECT) for a in given_answers)
    assert vouched.accepted is not closed


@given(answers, may_vouch)
def test_accepted_never_without_reason(
    given_answers: list[Decision], listed: frozenset[str]
) -> None:
    """Accepted means: no rejection of either kind, and no fallback unless a listed vouch."""
    result = combine(given_answers, listed)
    verdicts = {answer.verdict for answer in given_answers}
    vouched = any(a.verdict is Verdict.VOUCH and a.source in listed for a in given_answers)
    firm = verdicts & {Verdict.REJECT, Verdict.SHADOW_REJECT}
    assert result.accepted == (not firm and (vouched or Verdict.FALLBACK not in verdicts))


@pytest.mark.parametrize("no", [Decision.reject, Decision.fallback])
@pytest.mark.parametrize("rest", ["blocked: a", "error: a", "pow: a", "rate-limited: a", "a"])
def test_a_client_learns_what_it_can_do(no: Callable[[str], Decision], rest: str) -> None:
    """Among equal refusals ``auth-required:`` wins, then ``restricted:``, then the others,
    whatever the plugins are called.
    """
    best_first = [no("auth-required: z"), no("restricted: z"), no(rest)]
    for better, worse in combinations(best_first, 2):
        for first, second in permutations(["a", "b"]):
            both = [better.attributed(first), worse.attributed(second)]
            for each in permutations(both):
                assert combine(each) == both[0]


@given(answers, may_vouch)
def test_what_wins_is_a_most_helpful_one_of_the_strongest(
    given_answers: list[Decision], listed: frozenset[str]
) -> None:
    """A prefix makes no answer stronger, and of the refusals that are as strong as the one that
    wins none tells the client more.
    """
    result = combine(given_answers, listed)
    if result.accepted:  # a vouch that does not count is no refusal either
        return
    equals = [each.message for each in given_answers if each.verdict is result.verdict]
    for prefix in ("auth-required:", "restricted:"):
        if any(message.startswith(prefix) for message in equals):
            assert result.message.startswith(prefix)
            break


@given(answers, st.permutations(("engine", "members", "spam")))
def test_what_a_client_is_told_does_not_depend_on_names(
    given_answers: list[Decision], names: list[str]
) -> None:
    """Plugins renamed: the same verdict and message."""
    renamed = dict(zip(("engine", "members", "spam"), names, strict=True))
    others = [Decision(each.verdict, each.message, renamed[each.source]) for each in given_answers]
    first, second = combine(given_answers), combine(others)
    assert (first.verdict, first.message) == (second.verdict, second.message)


def test_a_message_is_preferred_among_equals() -> None:
    """Of two accepts, the client hears the one that has something to say."""
    silent, loud = YES.attributed("a"), Decision.accept("done").attributed("b")
    assert combine([silent, loud]) == loud
