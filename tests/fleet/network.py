"""A network between nodes and their database, which can be cut and slow."""

import contextlib
import socket
import threading
import time
from pathlib import Path

import attrs

_CHUNK = 65_536


@attrs.define(eq=False)
class Network:
    """Hands on what comes to a port of this machine to a server's socket."""

    server: Path
    """The folder of its socket."""
    delay_seconds: float = 0
    """Of each piece, on its way there and back."""
    loses_answer_to: bytes = b""
    """What has this in it is handed on, once, and the connection ends before the answer."""
    _open: threading.Event = attrs.field(factory=threading.Event)
    _listener: socket.socket = attrs.field(init=False)
    _sockets: list[socket.socket] = attrs.Factory(list)
    _is_over: bool = False

    def __attrs_post_init__(self) -> None:
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The database behind it."""
        return f"postgresql://postgres@127.0.0.1:{self._listener.getsockname()[1]}/postgres"

    def cut(self) -> None:
        """Hand nothing on, and tell nobody: as where a cable was pulled."""
        self._open.clear()

    def mend(self) -> None:
        """Hand on again, also what has come meanwhile."""
        self._open.set()

    def reset(self) -> None:
        """End all connections, as a router does that was restarted."""
        while self._sockets:
            with contextlib.suppress(OSError):
                self._sockets.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._is_over = True
        self._open.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._is_over:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._open.wait()
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with client, server, contextlib.suppress(OSError):
            server.connect(str(self.server / ".s.PGSQL.5432"))
            self._sockets += [client, server]
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server)
            back.join()

    def _pump(self, here: socket.socket, there: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := here.recv(_CHUNK):
                time.sleep(self.delay_seconds)
                self._open.wait()
                if (lost := self.loses_answer_to) and lost in piece:
                    self.loses_answer_to = b""
                    here.shutdown(socket.SHUT_RDWR)
                there.sendall(piece)
        for each in (here, there):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
