"""``orly-policy strfry``: the policy as a write-policy plugin of strfry."""

import logging
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import click

from orly_policy_hookspecs import Gate, GateError, GateSettings
from orly_policy_plugin.hosts.strfry import SOURCES, LineHost
from orly_policy_plugin.plugin import register
from orly_policy_plugin.settings import Settings

from .examples import examples
from .inputs import unusable_policy
from .relay_urls import relay_urls_option
from .serving_options import missing_follow_lists_option, submitter_option
from .showing import UnusableInput
from .target import POLICY, policy_argument, state_option, target_of

_BUDGET_SECONDS: Final = 8.0
"""That plugins and scripts may take: strfry waits for ten."""
_CHUNK_BYTES: Final = 65_536


@click.command(
    epilog=examples(
        "orly-policy strfry /etc/strfry/policy.json --submitter author",
        "orly-policy strfry policy.json --let-through Import",
        about=POLICY,
    )
)
@policy_argument
@state_option
@relay_urls_option
@submitter_option
@click.option(
    "--let-through",
    type=click.Choice(SOURCES),
    multiple=True,
    help="Accept what comes from this source unasked; may be repeated. Policy events are never "
    "stored.",
)
@missing_follow_lists_option
def strfry(
    policy: Path | None,
    state: Path | None,
    relay_urls: tuple[str, ...],
    submitter: Any,
    let_through: tuple[str, ...],
    missing_follow_lists: Any,
) -> None:
    """Decide writes as a write-policy plugin of strfry.

    strfry starts it, or another relay that speaks its protocol: a JSON object a line on standard
    input, an answer a line on standard output. The policy file may be edited meanwhile. What is
    wrong with an event or with the policy's own parts rejects the event; the log is standard
    error.

    The exit status is 1 where the policy cannot be used, 2 where it cannot be read.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="orly-policy: %(message)s")
    target = target_of(policy, state)
    gate = Gate(GateSettings(budget_seconds=_BUDGET_SECONDS))
    with ExitStack() as life:
        with unusable_policy(target.name):
            settings = Settings.from_environment(
                target.file,
                state_folder=state,
                relay_urls=relay_urls,
                submitter=submitter,
                missing_follow_lists=missing_follow_lists,
            )
            try:
                register(gate, settings)
                gate.load_entry_points()
                gate.check()
                life.callback(gate.blocking.close)
                gate.blocking.start(relay_urls=settings.relay_urls)
            except GateError as error:
                raise UnusableInput([str(error)]) from error
            life.callback(gate.blocking.stop)
            gate.open()
        _serve(LineHost(gate, let_through=let_through))


def _serve(host: LineHost) -> None:
    """Until the relay closes standard input, reads no more, or says so."""
    with suppress(BrokenPipeError), _told_to_end() as ended:
        for line in _lines(sys.stdin.fileno(), ended):
            sys.stdout.buffer.write(host.answer(line))
            sys.stdout.buffer.flush()


@contextmanager
def _told_to_end() -> Iterator[int]:
    """What can be read from once the process is told to end, so that scripts end with it. A
    handler alone could run just before a read that then waits for ever.
    """
    ended, telling = os.pipe()
    os.set_blocking(telling, False)
    signal.set_wakeup_fd(telling)
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: None)
    try:
        yield ended
    finally:
        signal.set_wakeup_fd(-1)
        os.close(ended)
        os.close(telling)


def _lines(source: int, ended: int) -> Iterator[bytes]:
    """The lines that come, until there are no more or something can be read from ``ended``."""
    begun = b""
    while True:
        readable, _, _ = select.select([source, ended], [], [])
        if ended in readable:
            return
        chunk = os.read(source, _CHUNK_BYTES)
        if not chunk:
            return
        *lines, begun = (begun + chunk).split(b"\n") if b"\n" in chunk else (begun + chunk,)
        yield from lines
