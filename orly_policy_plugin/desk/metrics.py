"""What Prometheus is told of a relay, its workers summed. Needs the extra ``metrics``.

Labels are few: no key, address or id is in one, and no place in the policy, of which a policy may
have thousands.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final

import attrs
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from ..shadow import OUTCOMES, ShadowCounted
from ..shadow import added as shadow_added
from .counts import LIMITS, Counted, added
from .relay import Relay
from .reports import Report

ENGINE: Final = "orly-policy"


@attrs.frozen
class Totals:
    """What was counted, of workers that are gone, too."""

    decisions: tuple[Counted, ...] = ()
    reload_failures: int = 0
    script_failures: int = 0
    log_dropped: int = 0
    shadow: tuple[ShadowCounted, ...] = ()

    @classmethod
    def of(cls, worker: Report) -> "Totals":
        """One worker's."""
        return cls(
            worker.decisions,
            worker.reload_failures,
            worker.script_failures,
            worker.log_dropped,
            worker.shadow.compared if worker.shadow else (),
        )

    def plus(self, other: "Totals") -> "Totals":
        """Both together."""
        return Totals(
            tuple(added((*self.decisions, *other.decisions))),
            self.reload_failures + other.reload_failures,
            self.script_failures + other.script_failures,
            self.log_dropped + other.log_dropped,
            tuple(shadow_added((*self.shadow, *other.shadow))),
        )


class Summing:
    """Sums up the workers of a relay over time. A worker that ends takes nothing with it that it
    was asked about, so that no sum falls: Prometheus would take that for a new beginning, and
    count everything again.
    """

    def __init__(self) -> None:
        self._gone = Totals()
        self._last: dict[tuple[int, float], Totals] = {}

    def sum(self, workers: Iterable[Report]) -> Totals:
        """All that was counted until now.

        :param workers: those that there are.
        """
        present = {(each.pid, each.started_at): Totals.of(each) for each in workers}
        for worker in self._last.keys() - present.keys():
            self._gone = self._gone.plus(self._last[worker])
        self._last = present
        total = self._gone
        for each in present.values():
            total = total.plus(each)
        return total


class RelayCollector(Collector):
    """Asks the relay at each scrape."""

    def __init__(self, ask: Callable[[], Relay | None]) -> None:
        """:param ask: the relay; ``None`` where none answers."""
        self._ask = ask
        self._summing = Summing()
        self._lock = threading.Lock()  # two may scrape at a time

    def collect(self) -> Iterator[Metric]:
        """The metrics of now."""
        with self._lock:
            relay = self._ask()
            total = self._summing.sum(relay.workers if relay else ())
        yield from _counters(total)
        yield _histogram(total.decisions)
        workers = len(relay.workers) if relay else 0
        yield GaugeMetricFamily("orly_policy_workers", "Worker processes that answer.", workers)
        if relay is not None:
            yield from _gauges(relay)


def _counters(total: Totals) -> Iterator[Metric]:
    decisions = CounterMetricFamily(
        "orly_policy_decisions",
        "Decisions. The reason is the field of the policy, or the plugin, that has refused.",
        labels=("access", "outcome", "reason"),
    )
    sums: Counter[tuple[str, str, str]] = Counter()
    for each in total.decisions:
        sums[each.access, each.outcome, reason_of(each)] += each.count
    for labels, count in sorted(sums.items()):
        decisions.add_metric(labels, count)
    yield decisions
    yield CounterMetricFamily(
        "orly_policy_reload_failures",
        "Changes of the policy file to what cannot be used, as each worker has found them.",
        total.reload_failures,
    )
    yield CounterMetricFamily(
        "orly_policy_script_failures",
        "Questions that scripts have not answered.",
        total.script_failures,
    )
    shadow = CounterMetricFamily(
        "orly_policy_shadow_decisions",
        "Decisions of the shadow policy, beside those of the policy in force.",
        labels=("outcome",),
    )
    compared: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    for question in total.shadow:
        compared[question.outcome] += question.count
    for outcome, count in sorted(compared.items()):
        shadow.add_metric((outcome.replace(" ", "_"),), count)
    yield shadow
    yield CounterMetricFamily(
        "orly_policy_decision_log_dropped",
        "Decisions that are missing in the decision log.",
        total.log_dropped,
    )


def _histogram(decisions: Iterable[Counted]) -> Metric:
    took = [0] * (len(LIMITS) + 1)
    seconds = 0.0
    for each in decisions:
        took = [one + other for one, other in zip(took, each.took, strict=True)]
        seconds += each.seconds
    limits = (*(repr(limit) for limit in LIMITS), "+Inf")
    buckets = list(zip(limits, map(float, accumulate(took)), strict=True))
    return HistogramMetricFamily(
        "orly_policy_decision_seconds",
        "The time of a decision, of all plugins together, waiting for scripts included.",
        buckets=buckets,
        sum_value=seconds,
    )


def _gauges(relay: Relay) -> Iterator[Metric]:
    info = InfoMetricFamily("orly_policy", "The version of the policy in force.")
    for version in sorted({worker.version for worker in relay.workers}):
        info.add_metric([], {"version": version})
    yield info
    yield GaugeMetricFamily(
        "orly_policy_last_reload_success_timestamp_seconds",
        "When the policy file was last found to be usable, by the worker that is behind the most.",
        min(worker.loaded_at for worker in relay.workers),
    )
    yield GaugeMetricFamily(
        "orly_policy_follow_lists_missing",
        "Follow lists that the policy needs and nobody knows: they grant nobody.",
        sum(each.created_at is None for each in relay.newest.follow_lists),
    )


def reason_of(counted: Counted) -> str:
    """What has refused, in a word that is one of few: the field of the policy without the rule
    that it is in, or the name of another plugin. Empty where nothing has refused.
    """
    if counted.plugin not in (ENGINE, ""):
        return counted.plugin
    fields = (place.rpartition(".")[2] for place in counted.place.split(", "))
    return ",".join(dict.fromkeys(fields))
