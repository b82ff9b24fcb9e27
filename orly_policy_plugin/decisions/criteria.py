"""Criteria of plugins among a rule's conditions, and deciding where they are to be asked (section
13 of the spec). Pure but for them: an answer that must be waited for is handed out.
"""

from collections.abc import Awaitable, Callable, Container, Generator, Iterator, Mapping
from typing import Any, ClassVar, Final, Self, TypeVar

import attrs

from orly_policy_hookspecs import Context, Decision, Event, frozen
from orly_policy_hookspecs.criteria import Registered, Used
from orly_policy_hookspecs.nip01 import FrozenEvent

from ..policy import Lists, Policy, key_reader, rules_of
from .access import Matcher, MayAccess
from .conditions import GRANT, GRANTS, Condition, Finding, Foresight, Keys
from .deciding import Plan
from .pending import SETTLED, Outcome

PLUGIN_FAILED: Final = Decision.reject("error: a policy plugin failed")
_NOT_ASKED: Final = Decision.reject("error: the policy could not be evaluated")

_T = TypeVar("_T")
Asking = Generator[Awaitable[object], object, _T]
"""Hands out what must be waited for, is sent what has come of it, and returns its result."""

Noted = dict[int, object]
"""What criteria have answered, by the identity of the condition or matcher."""


class CriterionFailed(Exception):
    """A criterion has raised, or answered what none may. The text names it, for the log."""


@attrs.frozen
class AskedOf:
    """A criterion with a rule's value."""

    registered: Registered
    value: Any
    """As the criterion has read it."""
    written: Any
    """As the policy has it."""
    not_known: tuple[str, ...] = ()
    """The named lists that it has and that are not known yet."""
    unread: Exception | None = None
    """Why the criterion could not read it. It may read it well without the keys that the lists
    have now, or had a moment ago: that keeps no list from being obeyed, and denies."""

    @classmethod
    def reading(
        cls, registered: Registered, written: Any, lists: Lists, not_known_yet: Container[str]
    ) -> Self:
        """Have a rule's value read.

        :param lists: the keys of named lists.
        :param not_known_yet: names of lists that come later, and have no keys until then.
        """
        met, unread, value = set[str](), None, None
        try:
            read_keys = key_reader(lists, not_known_yet, met)
            value = registered.criterion.value(written, read_keys)
        except Exception as error:  # noqa: BLE001 -- raised again where it is asked
            unread = error
        return cls(registered, value, written, tuple(sorted(met)), unread)

    @property
    def in_words(self) -> str:
        return self.registered.criterion.in_words(self.written)

    _ask: Callable[[FrozenEvent, Context, Any], object] = attrs.field(init=False, eq=False)

    @_ask.default
    def _function(self) -> Callable[[FrozenEvent, Context, Any], object]:
        criterion = self.registered.criterion
        ask = criterion.refuses or criterion.lets_in
        assert ask is not None
        return ask

    def begin(self, event: Event, context: Context) -> object:
        """Ask: the answer, or an awaitable of it.

        :raises CriterionFailed: it did, now or when it read its value, or its plugin is registered
            no more.
        """
        if self.registered.registration.is_over:
            raise self.failed("is not asked: the plugin was unregistered")
        if self.unread is not None:
            raise self.failed("could not read its value") from self.unread
        try:
            return self._ask(frozen(event), context, self.value)
        except Exception as error:
            raise self.failed("failed") from error

    def end(self, given: object) -> Asking[object]:
        """Wait for an answer that may be an awaitable.

        :raises CriterionFailed: it did.
        """
        if not isinstance(given, Awaitable):
            return given
        try:
            return (yield given)
        except Exception as error:
            raise self.failed("failed") from error

    def failed(self, how: str) -> CriterionFailed:
        """The fault of the criterion.

        :param how: behind its name.
        """
        name, plugin = self.registered.criterion.name, self.registered.plugin
        return CriterionFailed(f"the criterion {name} of the plugin {plugin} {how}")


class Asks(Condition):
    """A condition that a plugin has a say in. Its check alone denies: nobody was asked."""

    asks: ClassVar[bool] = True

    def ask(
        self, event: Event, keys: Keys, now: int, context: Context, noted: Noted
    ) -> Finding | Asking[Finding]:
        """Like :meth:`check`, with the plugin asked: the finding, or what comes to it.

        :param noted: where to write what the plugin has answered.
        :raises CriterionFailed: the plugin failed.
        """
        raise NotImplementedError


@attrs.frozen
class RefusedByCriterion(Asks):
    """A criterion that can only deny."""

    asked: AskedOf

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        return _NOT_ASKED

    def ask(
        self, event: Event, keys: Keys, now: int, context: Context, noted: Noted
    ) -> Finding | Asking[Finding]:
        noted[id(self)] = PLUGIN_FAILED
        given = self.asked.begin(event, context)
        if given is None or isinstance(given, str):
            return self._finding(given, noted)
        return self._awaited(given, noted)

    def _awaited(self, given: object, noted: Noted) -> Asking[Finding]:
        return self._finding((yield from self.asked.end(given)), noted)

    def _finding(self, why: object, noted: Noted) -> Finding:
        if why is not None and not isinstance(why, str):
            raise self.asked.failed(f"answered {why!r}, not a text or None")
        finding = noted[id(self)] = None if why is None else Decision.reject(why, self.place)
        return finding

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return f"the plugin {self.asked.registered.plugin}"

    @property
    def limit(self) -> str:
        return self.asked.in_words


@attrs.frozen
class LetInByCriterion(Matcher):
    """A criterion that lets in: one of a rule's allow lists. Nobody matches it unasked."""

    asked: AskedOf

    def matches(self, event: Event, keys: Keys) -> bool:
        return False

    def lets_in(self, keys: Keys) -> bool:
        return False


@attrs.frozen
class MayAccessByCriteria(MayAccess, Asks):
    """Allow lists of which some are criteria. These are asked last."""

    def ask(
        self, event: Event, keys: Keys, now: int, context: Context, noted: Noted
    ) -> Asking[Finding]:
        finding = self.check(event, keys, now)
        if finding is GRANT:
            return finding
        for matcher in self.allows:
            if isinstance(matcher, LetInByCriterion):
                noted[id(self)] = PLUGIN_FAILED
                lets_in = yield from matcher.asked.end(matcher.asked.begin(event, context))
                if not isinstance(lets_in, bool):
                    raise matcher.asked.failed(f"answered {lets_in!r}, not True or False")
                noted[id(matcher)] = lets_in
                if lets_in:
                    noted[id(self)] = GRANT
                    return GRANT
                noted[id(self)] = finding
        return finding

    def foresees(self, keys: Keys) -> Foresight:
        others = (m for m in self.grants + self.allows if not isinstance(m, LetInByCriterion))
        if any(matcher.lets_in(keys) for matcher in others):
            return GRANTS
        return Foresight(may_grant=True)


@attrs.frozen
class NoSuchCriterion(Condition):
    """A rule's criterion before it is known which plugins there are: nothing passes."""

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        return _NOT_ASKED

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return "no plugin"

    @property
    def limit(self) -> str:
        return "its plugin"


def used_by(
    policy: Policy,
    criteria: Mapping[str, Registered],
    lists: Lists,
    not_known_yet: Container[str],
) -> tuple[Used, ...]:
    """The criteria of a policy's rules that are to be told of decisions, with the values that they
    could read.
    """
    values: dict[str, list[Any]] = {}
    for _, rule in rules_of(policy):
        for name, written in rule.criteria.items():
            if name in criteria and criteria[name].criterion.decided is not None:
                asked = AskedOf.reading(criteria[name], written, lists, not_known_yet)
                values.setdefault(name, []).extend(() if asked.unread else (asked.value,))
    return tuple(Used(criteria[name], tuple(read)) for name, read in values.items())


def decide_asking(
    plan: Plan, event: Event, now: int, context: Context, noted: Noted | None = None
) -> Outcome | Asking[Outcome]:
    """Decide like :meth:`.Plans.decide` where criteria are to be asked: the outcome, or what comes
    to it.

    :param now: Unix seconds.
    :param noted: where to write what they have answered.
    :raises CriterionFailed: one did.
    """
    notes = {} if noted is None else noted
    return _decided(plan, iter(plan.conditions), event, now, context, notes, granted=False)


def _decided(
    plan: Plan,
    conditions: Iterator[Condition],
    event: Event,
    now: int,
    context: Context,
    noted: Noted,
    *,
    granted: bool,
) -> Outcome | Asking[Outcome]:
    """Check those conditions that are left.

    :param granted: whether one before has.
    """
    keys = context.authenticated
    for condition in conditions:
        if isinstance(condition, Asks):
            finding = condition.ask(event, keys, now, context, noted)
        else:
            finding = condition.check(event, keys, now)
        if finding is GRANT:
            granted = True
        elif isinstance(finding, Decision):
            return finding
        elif finding is not None:
            return _after(finding, plan, conditions, event, now, context, noted, granted=granted)
    return plan.unopposed(keys, granted=granted)


def _after(
    asking: Asking[Finding],
    plan: Plan,
    conditions: Iterator[Condition],
    event: Event,
    now: int,
    context: Context,
    noted: Noted,
    *,
    granted: bool,
) -> Asking[Outcome]:
    """Wait for a finding, and go on."""
    finding = yield from asking
    if isinstance(finding, Decision):
        return finding
    granted = granted or finding is GRANT
    outcome = _decided(plan, conditions, event, now, context, noted, granted=granted)
    return outcome if isinstance(outcome, SETTLED) else (yield from outcome)
