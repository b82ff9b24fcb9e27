"""Publishing one event to one relay, authenticating (NIP-42) where it asks for that."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

TIMEOUT_SECONDS: Final = 15.0

Event = Mapping[str, Any]
SignAuth = Callable[[str], Event]
"""From a challenge to the event that answers it (kind 22242)."""


class NoAnswer(Exception):
    """The relay could not be reached, or did not answer. In one line."""


@attrs.frozen
class OkMessage:
    """A relay's ``OK`` for an event (NIP-01)."""

    accepted: bool
    message: str


def publish(
    url: str,
    event: Event,
    sign_auth: SignAuth | None,
    *,
    authenticate_first: bool = False,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> OkMessage:
    """Publish an event and wait for the relay's ``OK``.

    :param sign_auth: ``None`` where the relay is not to know who we are.
    :param authenticate_first: whether to wait for the relay's challenge; else we authenticate once
        it refuses the event for that.
    :raises NoAnswer: none comes in time.
    """
    try:
        with connect(url, open_timeout=timeout_seconds, close_timeout=1) as socket:
            talk = _Talk(socket, time.monotonic() + timeout_seconds)
            if sign_auth and authenticate_first:
                return talk.publish_authenticated(event, sign_auth)
            answer = talk.publish(event)
            if sign_auth and not answer.accepted and answer.message.startswith("auth-required:"):
                answer = talk.publish_authenticated(event, sign_auth, f"{answer.message} ")
            return answer
    except TimeoutError:
        raise NoAnswer(f"no answer within {timeout_seconds:g} s") from None
    except (OSError, EOFError, ValueError, WebSocketException) as error:
        raise NoAnswer(_in_one_line(error)) from None


@attrs.define
class _Talk:
    socket: ClientConnection
    deadline: float
    challenge: str | None = None

    def publish(self, event: Event) -> OkMessage:
        return self._ask("EVENT", event)

    def publish_authenticated(
        self, event: Event, sign_auth: SignAuth, refused_before: str = ""
    ) -> OkMessage:
        """Once the relay knows who we are; it may send its challenge only now."""
        while self.challenge is None:
            self._receive()
        allowed = self._ask("AUTH", sign_auth(self.challenge))
        if allowed.accepted:
            return self.publish(event)
        return OkMessage(False, f"{refused_before}(authenticating: {allowed.message})")

    def _ask(self, command: str, event: Event) -> OkMessage:
        self.socket.send(json.dumps([command, event], ensure_ascii=False))
        while True:
            match self._receive():
                case ["OK", event_id, bool(accepted), *rest] if event_id == event["id"]:
                    return OkMessage(
                        accepted, rest[0] if rest and isinstance(rest[0], str) else ""
                    )

    def _receive(self) -> Any:
        """The next message; a challenge is kept, and what is no JSON is nothing."""
        text = self.socket.recv(timeout=max(0.0, self.deadline - time.monotonic()))
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return None
        match message:
            case ["AUTH", str(challenge), *_]:
                self.challenge = challenge
        return message


def _in_one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__
