"""The document of NIP-11, over HTTP."""

import json
import urllib.request
from email.message import Message

import pytest

from .process import Relay

SECONDS = 20


def answer(relay: Relay, method: str, **headers: str) -> tuple[Message, bytes]:
    """What is answered: the headers and the body."""
    request = urllib.request.Request(relay.http, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=SECONDS) as response:
        return response.headers, response.read()


def may_be_read_by_other_sites(headers: Message) -> bool:
    """Whether a browser lets a page of another site read it."""
    names = ("Origin", "Headers", "Methods")
    return all(headers.get_all(f"Access-Control-Allow-{name}") == ["*"] for name in names)


def test_the_document_is_whole_and_for_browsers_too(relay: Relay) -> None:
    """One length, one type, and the headers that NIP-11 asks for."""
    headers, body = answer(relay, "GET", Accept="application/nostr+json")
    assert 11 in json.loads(body)["supported_nips"]
    assert headers.get_all("Content-Type") == ["application/nostr+json"]
    assert headers.get_all("Content-Length") == [str(len(body))]
    assert may_be_read_by_other_sites(headers)


ACCEPTS = {
    "application/nostr+json;q=0.9, */*": True,
    "text/html,APPLICATION/NOSTR+JSON": True,
    "text/html, */*": False,
    "application/json": False,
}


@pytest.mark.parametrize(("accept", "is_asked"), ACCEPTS.items(), ids=str)
def test_the_document_is_asked_for_beside_others(
    nostr_relay: Relay, accept: str, is_asked: bool
) -> None:
    """As browsers do; who asks for anything gets the page."""
    headers, _ = answer(nostr_relay, "GET", Accept=accept)
    assert (headers.get_content_type() == "application/nostr+json") == is_asked


def test_a_browser_may_ask_beforehand(nostr_relay: Relay) -> None:
    """As it does of a request with a header of the page's own."""
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "X-Own"}
    headers, body = answer(nostr_relay, "OPTIONS", Origin="https://client.example", **asked)
    assert body == b""
    assert may_be_read_by_other_sites(headers)
