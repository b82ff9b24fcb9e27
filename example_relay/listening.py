"""Sockets to listen on."""

import socket


def send_at_once(listening: socket.socket) -> None:
    """Let no short message wait, 40 ms each, until the one before has been acknowledged.

    asyncio sees to that for sockets that it makes; those that are handed to it have to ask.
    """
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
