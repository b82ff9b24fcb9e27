"""``orly-policy metrics``: what is the relay doing, for Prometheus?"""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orly_policy_plugin.desk.asking import ask_relay
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.extras import how_to_install

from .examples import examples
from .showing import UnusableInput, say, tell
from .target import POLICY, policy_argument, state_option, target_of, trouble

if TYPE_CHECKING:
    from orly_policy_plugin.desk.relay import Relay

_NEEDS = (
    f"orly-policy metrics needs the extra metrics (prometheus-client): {how_to_install('metrics')}"
)


def _address(
    _: click.Context, param: click.Parameter, value: str | None
) -> tuple[str, int] | None:
    if value is None:
        return None
    host, colon, port = value.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdecimal() and int(port) < 65_536):
        message = f"{value!r} is no address such as 127.0.0.1:9464 or [::1]:9464"
        raise click.BadParameter(message, param=param)
    return host, int(port)


@click.command(
    epilog=examples(
        "orly-policy metrics policy.json",
        "orly-policy metrics policy.json --listen 127.0.0.1:9464",
        about=POLICY,
    )
)
@policy_argument
@state_option
@click.option(
    "--listen",
    "address",
    callback=_address,
    metavar="HOST:PORT",
    help="Serve them over HTTP, under /metrics, until Ctrl-C. Whoever reaches it may read them.",
)
def metrics(policy: Path | None, state: Path | None, address: tuple[str, int] | None) -> None:
    """Print a running relay's metrics, or serve them.

    They are for Prometheus. The relay's workers are asked through their sockets in the state
    folder, at each scrape, and summed. So a relay listens on no port for this, and one that is
    restarted loses nothing that was scraped before. Without --listen they are printed once, as
    node_exporter's textfile collector reads them.

    Needs the extra `metrics`. The exit status is 2 where the port is taken, or no relay answers
    and they were to be printed.
    """
    try:
        import prometheus_client

        from orly_policy_plugin.desk.metrics import RelayCollector
    except ImportError as error:
        raise UnusableInput([_NEEDS]) from error
    target = target_of(policy, state)
    registry: Any = prometheus_client.CollectorRegistry(auto_describe=False)

    def ask() -> "Relay":
        problems: list[str] = []
        try:
            return ask_relay(target.file, state, problems)
        finally:
            for problem in problems:
                tell(problem)

    if address is None:
        with trouble():
            relay = ask()
        registry.register(RelayCollector(lambda: relay))
        for line in prometheus_client.generate_latest(registry).decode().splitlines():
            say(line)
        return
    registry.register(RelayCollector(_Asking(ask).relay))
    _serve(prometheus_client.start_http_server, registry, address)


class _Asking:
    """Asks a relay that may not be there; tells so once each time that it goes."""

    def __init__(self, ask: Any) -> None:
        self._ask = ask
        self._told = ""

    def relay(self) -> "Relay | None":
        try:
            found: Relay = self._ask()
        except PolicyError as error:
            if str(error) != self._told:
                tell(str(error))
            self._told = str(error)
            return None
        if self._told:
            tell("the relay answers")
        self._told = ""
        return found


def _serve(start: Any, registry: Any, address: tuple[str, int]) -> None:
    host, port = address
    try:
        server, thread = start(port, addr=host, registry=registry)
    except OSError as error:
        why = error.strerror or error
        raise UnusableInput([f"{host}:{port}: {why}; --listen names another"]) from error
    tell(f"metrics: http://{host}:{server.server_address[1]}/metrics")
    try:
        threading.Event().wait()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
