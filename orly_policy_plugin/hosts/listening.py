"""Sockets to listen on."""

import socket


class CannotListen(Exception):
    """The address cannot be had. In one line."""


def listen_on(host: str, port: int) -> socket.socket:
    """A socket that listens, and lets no short message wait.

    :raises CannotListen: nothing is open.
    """
    bound = bound_to(host, port)
    bound.listen()
    return bound


def bound_to(host: str, port: int) -> socket.socket:
    """The same before it listens: whoever connects is refused, and need not wait.

    :raises CannotListen: nothing is open.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise CannotListen(f"{host}:{port}: {error.strerror or error}") from error
    except (TypeError, ValueError, OverflowError) as error:  # of names that cannot be looked up
        bound.close()
        raise CannotListen(f"{host}:{port}: this is no address to listen on") from error
    _send_at_once(bound)
    return bound


def _send_at_once(bound: socket.socket) -> None:
    """Let no short message wait, 40 ms each, until the one before has been acknowledged.

    asyncio sees to that for sockets that it makes; those that are handed to it have to ask.
    """
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
