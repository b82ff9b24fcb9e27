"""The plugins of a gate."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final, Literal

from orly_policy_hookspecs import Gate, InvalidSettings
from orly_policy_hookspecs.criteria import ReadKeys, Registered
from orly_policy_hookspecs.errors import did_you_mean
from orly_policy_hookspecs.logs import get_log

from ..decisions import Fitted
from ..policy import InvalidPolicy, Policy, Problem, key_reader, rules_of
from ..policy.problems import join

log = get_log(__name__)

Missing = Literal["stop", "warn"]

THE_PACK: Final = "orly-policy-criteria"
THE_PACKS_PLUGINS: Final = frozenset(
    (
        *("x_pow", "x_content", "x_max_mentions", "x_max_hashtags", "x_duplicates", "x_networks"),
        *("x_key_age", "x_scripts", "x_events_an_hour", "x_limits_by_class", "x_reports"),
    )
)
THE_PACKS_CRITERIA: Final = THE_PACKS_PLUGINS | {"x_read_networks"}
"""What is known to be missing where it is not there. Of other plugins' distributions nothing is
known, and a guess would be a name that anybody can take.
"""


class PluginsOfGate:
    """The plugins that are registered with a gate."""

    def __init__(
        self, gate: Gate, engine: object | None = None, *, missing: Missing = "stop"
    ) -> None:
        """:param engine: the plugin that the policy is for: nothing of it is set there.
        :param missing: whether settings of a plugin that is not there are a problem, or a warning.
        """
        self._gate = gate
        self._engine = gate.name_of(engine)
        self._missing = missing

    def fit(self, policy: Policy, before: Policy | None) -> Fitted:
        """See :meth:`.Plugins.fit`."""
        problems = list(self._problems(policy))
        changes: list[Callable[[], None]] = []
        for name in self._gate.plugins:
            settings = policy.plugins.get(name)
            is_same = before is not None and settings == before.plugins.get(name)
            if name != self._engine and settings is not False and not is_same:
                try:
                    changes.append(self._gate.configure(name, settings or {}))
                except InvalidSettings as error:
                    problems += _with_places(name, error)
        criteria = self._gate.criteria()
        problems += _criteria_problems(policy, criteria)
        if problems:
            raise InvalidPolicy(problems)
        off = [name for name, settings in policy.plugins.items() if settings is False]
        changes.append(partial(self._gate.switch_off, off))
        return Fitted(tuple(changes), criteria, self._gate.use_criteria)

    def _problems(self, policy: Policy) -> Iterator[Problem]:
        """What is wrong with the names."""
        for name in policy.plugins:
            place = join("plugins", name)
            if name == self._engine:
                yield Problem(place, "this is the policy itself, which has no settings here")
            elif name not in self._gate.plugins:
                problem = Problem(place, self._why_missing(name, policy.plugins))
                if self._missing == "stop":
                    yield problem
                else:
                    log.warning("%s", problem)

    def _why_missing(self, name: str, section: Mapping[str, Any]) -> str:
        others = [each for each in self._gate.plugins if each not in (self._engine, *section)]
        hint = did_you_mean(name, others) or (f"; install {_brings(name)}, or remove this section")
        return f"no plugin {name!r} is installed{hint}"


def _criteria_problems(policy: Policy, criteria: Mapping[str, Registered]) -> Iterator[Problem]:
    """What is wrong with the criteria that rules use."""
    keys = key_reader(dict.fromkeys(policy.lists, frozenset()))  # their names alone matter here
    for place, rule in rules_of(policy):
        for name, value in rule.criteria.items():
            if (found := criteria.get(name)) is None:
                hint = f"; install {_brings(name)}" if name in THE_PACKS_CRITERIA else ""
                why = f"no plugin has this criterion{hint or did_you_mean(name, criteria)}"
                yield Problem(join(place, name), why)
            elif policy.plugins.get(found.plugin) is False:
                why = f"this is a criterion of the plugin {found.plugin}, which is switched off"
                yield Problem(join(place, name), why)
            else:
                for problem in _value_problems(found, value, keys):
                    yield problem.within(join(place, name))


def _brings(name: str) -> str:
    return THE_PACK if name in THE_PACKS_CRITERIA else "the distribution that brings it"


def _value_problems(found: Registered, value: object, keys: ReadKeys) -> Iterator[Problem]:
    try:
        found.criterion.value(value, keys)
    except InvalidSettings as error:
        for place, why in error.problems.items():
            yield Problem(place, why)
    except ValueError as error:
        yield Problem("", str(error))
    except Exception as error:
        log.exception("plugin %s: reading %s failed", found.plugin, found.criterion.name)
        yield Problem("", f"the plugin {found.plugin} failed to read it: {error!r}")


def _with_places(name: str, error: InvalidSettings) -> Iterator[Problem]:
    for place, why in error.problems.items():
        yield Problem(place, why).within(name).within("plugins")
