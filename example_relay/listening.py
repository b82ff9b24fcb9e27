"""Sockets to listen on."""

import socket


class CannotListen(Exception):
    """The address cannot be had. In one line."""


def listen_on(host: str, port: int) -> socket.socket:
    """A socket that listens, and lets no short message wait.

    :raises CannotListen: nothing is open.
    """
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        raise CannotListen(f"{host}:{port}: {error.strerror or error}") from error
    except (TypeError, ValueError, OverflowError) as error:  # of names that cannot be looked up
        raise CannotListen(f"{host}:{port}: this is no address to listen on") from error
    _send_at_once(listening)
    return listening


def _send_at_once(listening: socket.socket) -> None:
    """Let no short message wait, 40 ms each, until the one before has been acknowledged.

    asyncio sees to that for sockets that it makes; those that are handed to it have to ask.
    """
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
