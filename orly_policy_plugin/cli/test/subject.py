"""The policy that cases are asked of."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Protocol

import attrs

from orly_policy_hookspecs import Context
from orly_policy_plugin.cli.explain import Explaining, told_lists
from orly_policy_plugin.cli.installed import Installed, fitted_plugins
from orly_policy_plugin.cli.target import Target, load_state, target_of
from orly_policy_plugin.decisions import Explanation, Snapshot, compile_policy
from orly_policy_plugin.policy import Lists, Policy, lists_named
from orly_policy_plugin.scripts import Scripts
from orly_policy_plugin.state import PolicyState

from .suites import Case, Suite


class Subject(Protocol):
    """Answers the cases of a suite."""

    @property
    def policy(self) -> Policy:
        """The policy that answers."""

    def explained(self, case: Case, now: int) -> Explanation:
        """The answer to a case.

        :param now: of the suite, where the case has none. Unix seconds.
        """

    def with_policy(self, policy: Policy) -> "Subject":
        """The same with another policy."""


@attrs.frozen(eq=False)
class OfSuite:
    """The suite's own policy, by itself."""

    policy: Policy
    _suite: Suite
    _snapshot: Snapshot

    @classmethod
    def of(cls, policy: Policy, suite: Suite) -> "OfSuite":
        """Compile a policy for a suite."""
        snapshot = compile_policy(policy, follows=suite.follows, lists=suite.lists)
        return cls(policy, suite, snapshot)

    def explained(self, case: Case, now: int) -> Explanation:
        """See :class:`Subject`."""
        at = now if case.now is None else case.now
        return self._snapshot.explain(case.access, case.event, case.authed, at)

    def with_policy(self, policy: Policy) -> "OfSuite":
        """See :class:`Subject`."""
        return OfSuite.of(policy, self._suite)


@attrs.frozen(eq=False)
class Given:
    """The policy of a file, with all that a relay has beside it, its scripts and plugins."""

    target: Target
    current: PolicyState
    installed: Installed
    scripts: Scripts
    runner: asyncio.Runner
    may_vouch: tuple[str, ...]
    """The plugins whose vouch counts."""

    def for_suite(self, suite: Suite) -> "OfFile":
        """The policy, with a suite's follow lists and named lists in the place of those here."""
        return OfFile.of(self.current.policy, self, suite)

    def lists_for(self, suite: Suite) -> Lists:
        """The keys of named lists: the suite's, and the files' of those that it has not.

        :raises UnusablePolicy: a file cannot be read.
        """
        named = {name for _, name in lists_named(self.current.policy)}
        if named <= suite.lists.keys():
            return suite.lists
        return {**self._of_files, **suite.lists}

    @cached_property
    def _of_files(self) -> Lists:
        """The keys in the files, read where a suite needs them."""
        return told_lists(self.target, self.current)


@attrs.frozen(eq=False)
class OfFile:
    """A policy file's policy, for one suite."""

    policy: Policy
    _given: Given
    _suite: Suite
    _explaining: Explaining

    @classmethod
    def of(cls, policy: Policy, given: Given, suite: Suite) -> "OfFile":
        """Compile a policy for a suite."""
        current = given.current
        snapshot = compile_policy(
            policy,
            follows=current.follow_lists if suite.follows is None else suite.follows,
            lists=given.lists_for(suite),
            owners=given.target.owners,
            contributions=current.contributions,
            plugins=given.installed.fitted,
        )
        explaining = Explaining(snapshot, given.installed.gate, given.scripts, given.may_vouch)
        return cls(policy, given, suite, explaining)

    def explained(self, case: Case, now: int) -> Explanation:
        """See :class:`Subject`."""
        at = now if case.now is None else case.now
        context = Context(case.authed, ip=case.ip)
        asking = self._explaining.explained(case.access, case.event, context, at)
        return self._given.runner.run(asking)

    def with_policy(self, policy: Policy) -> "OfFile":
        """See :class:`Subject`."""
        return OfFile.of(policy, self._given, self._suite)


@contextmanager
def given_policy(
    file: Path | None,
    state: Path | None,
    pass_environment: tuple[str, ...],
    may_vouch: tuple[str, ...],
) -> Iterator[Given | None]:
    """The policy of a file; ``None`` where none is named. Its scripts end with the body.

    :raises UnusablePolicy, UnusableInput: it cannot be used.
    """
    if file is None:
        yield None
        return
    target = target_of(file, state, may_be_standard_input=True)
    current = load_state(target)
    installed = fitted_plugins(target, current.policy)
    installed.fitted.put_in_force()
    scripts = Scripts(target.scripts_from, pass_environment=pass_environment)
    with asyncio.Runner() as runner:
        try:
            yield Given(target, current, installed, scripts, runner, may_vouch)
        finally:
            scripts.stop()
