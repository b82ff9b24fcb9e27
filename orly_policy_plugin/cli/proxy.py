"""``orly-policy proxy``: the policy before any relay that speaks NIP-01."""

import ipaddress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from orly_policy_hookspecs import GateError
from orly_policy_plugin.extras import how_to_install
from orly_policy_plugin.hazards import is_anybody

from .examples import examples
from .inputs import unusable_policy
from .relay_urls import relay_urls_option
from .serving_options import missing_follow_lists_option, submitter_option
from .showing import UnusableInput, tell
from .target import policy_option, state_option, target_of

_NEEDS: Final = ("picows", "uvicorn")
_DEFAULT: Final = "127.0.0.1:4848"


def _websocket_url(_: click.Context, param: click.Parameter, url: str) -> str:
    parts = urlsplit(url)
    try:
        is_one = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number
        is_one = False
    if not is_one:
        message = f"{url!r} is no relay's URL such as ws://127.0.0.1:7777"
        raise click.BadParameter(message, param=param)
    return url


def _address(_: click.Context, param: click.Parameter, value: str) -> tuple[str, int]:
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535 or not host:
        message = f"{value!r} is no address to listen on such as {_DEFAULT} or [::]:4848"
        raise click.BadParameter(message, param=param)
    return host.removeprefix("[").removesuffix("]"), int(port)


def _networks(
    _: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(value)) for value in values)
    except ValueError as error:
        message = f"{error}; a network is such as 10.0.0.0/8 or 192.0.2.7"
        raise click.BadParameter(message, param=param) from error


def _paths(_: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not value.startswith("/") or value == "/":
            message = f"{value!r} is no path of the upstream's pages such as /about"
            raise click.BadParameter(message, param=param)
    return values


def _header(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.replace("-", "").isalnum():
        message = f"{value!r} is no header's name such as X-Forwarded-For"
        raise click.BadParameter(message, param=param)
    return value


@click.command(
    epilog=examples(
        "orly-policy proxy --upstream ws://127.0.0.1:7777 --policy policy.json",
        "orly-policy proxy --upstream ws://127.0.0.1:7777 --workers 2",
    )
)
@click.option(
    "--upstream",
    required=True,
    metavar="URL",
    callback=_websocket_url,
    help="The relay behind it, such as ws://127.0.0.1:7777. Nobody else should reach that, and "
    "its own authentication (NIP-42) should be off.",
)
@policy_option
@state_option
@click.option(
    "--listen",
    "address",
    metavar="HOST:PORT",
    default=_DEFAULT,
    show_default=True,
    callback=_address,
    help="Where clients connect. Port 0 takes a free one.",
)
@relay_urls_option
@click.option(
    "--ip-header",
    metavar="NAME",
    callback=_header,
    help="Tell the upstream each client's address in this HTTP header, such as X-Forwarded-For.",
)
@click.option(
    "--trust-proxy",
    "trusted_proxies",
    multiple=True,
    metavar="NETWORK",
    callback=_networks,
    help="Believe X-Forwarded-For where it comes from here; may be repeated.",
)
@click.option(
    "--trust-upstream",
    is_flag=True,
    help="Do not verify the signatures of what the upstream sends. Ids are verified.",
)
@click.option(
    "--upstream-timeout",
    "answer_seconds",
    type=click.FloatRange(0.1, 600),
    default=15.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the upstream may take for one answer.",
)
@click.option(
    "--pass",
    "passed_paths",
    multiple=True,
    metavar="PATH",
    callback=_paths,
    help="A page that the upstream answers, such as /about; may be repeated. No other is passed "
    "on: pages of events would tell what the policy hides.",
)
@submitter_option
@missing_follow_lists_option
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that share the port.",
)
@click.pass_context
def proxy(
    ctx: click.Context,
    upstream: str,
    policy: Path | None,
    state: Path | None,
    address: tuple[str, int],
    relay_urls: tuple[str, ...],
    ip_header: str | None,
    trusted_proxies: tuple[str, ...],
    trust_upstream: bool,
    answer_seconds: float,
    passed_paths: tuple[str, ...],
    submitter: str,
    missing_follow_lists: str,
    workers: int,
) -> None:
    """Put a policy before any relay that speaks NIP-01.

    The relay need not be changed. The policy decides what clients write, and what they read,
    stored and live. Clients connect to the proxy, which authenticates them (NIP-42), and asks the
    upstream relay for no more than they may see. It runs until it is told to end.

    The exit status is 1 where the policy cannot be used, 2 where it cannot listen or a part is
    not installed.
    """
    try:
        from orly_policy_plugin.hosts.listening import CannotListen, bound_to
        from orly_policy_plugin.hosts.upstream.app import ProxySettings
        from orly_policy_plugin.hosts.upstream.running import Plan, log_to_stderr, make_app, run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in _NEEDS:
            raise
        what = f"the proxy needs more than the commands: {how_to_install('proxy')}"
        raise UnusableInput([what]) from error
    log_to_stderr()
    target = target_of(policy, state)
    host, port = address
    try:
        bound = bound_to(host, port)
    except CannotListen as error:
        raise UnusableInput([f"{error}; --listen names another"]) from error
    with bound:
        here = f"ws://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"
        plan = Plan(
            policy=target.file,
            proxy=ProxySettings(
                upstream=upstream,
                relay_urls=relay_urls or (here,),
                ip_header=ip_header,
                is_trusted=trust_upstream,
                answer_seconds=answer_seconds,
                passed_paths=frozenset(passed_paths),
            ),
            engine={
                "submitter": submitter,
                "missing_follow_lists": missing_follow_lists,
                "state_folder": state,
            },
        )
        with unusable_policy(target.name):
            try:
                app = make_app(plan)
            except GateError as error:
                raise UnusableInput([str(error)]) from error
        tell(f"the policy {target.name} is before {upstream}; clients connect to {here}")
        if not relay_urls:
            tell("they can authenticate by that address alone: --public-url names another")
        for network in filter(is_anybody, trusted_proxies):
            tell(
                f"--trust-proxy {network}: X-Forwarded-For is believed from anybody, so that each "
                "client says what its address is; name the web server alone"
            )
        ctx.exit(run(app, plan, bound, workers=workers, trusted_proxies=trusted_proxies))
