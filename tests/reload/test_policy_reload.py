"""The policy in force follows its file, whole, and never a file that cannot be used."""

import logging
import threading
import time
from types import SimpleNamespace

import pytest

from orly_policy_hookspecs import Context, Verdict
from orly_policy_plugin.plugin import PolicyPlugin

ALLOW, DENY = b'{"default_policy": "allow"}', b'{"default_policy": "deny"}'
VERDICTS = {ALLOW: {Verdict.ACCEPT}, DENY: {Verdict.FALLBACK, Verdict.REJECT}}
NOTE = SimpleNamespace(
    id="0" * 64, pubkey="1" * 64, created_at=0, kind=1, tags=[], content="", sig="2" * 128
)


class Client:
    """Asks for decisions all the time."""

    def __init__(self, plugin: PolicyPlugin) -> None:
        self.plugin = plugin
        self.decisions = []
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.ask)

    def ask(self) -> None:
        while not self.done.wait(0.0001):
            self.decisions.append(self.plugin.on_write(NOTE, Context()))

    def __enter__(self) -> "Client":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()

    def answers_now(self) -> set[Verdict]:
        """Of the decisions that are asked for from now on."""
        before = len(self.decisions)
        while len(self.decisions) < before + 20:
            time.sleep(0.001)
        return {decision.verdict for decision in self.decisions[before + 1 :]}


@pytest.fixture
def load():
    """Load and follow a policy file."""
    plugins = []

    def start(path):
        plugins.append(PolicyPlugin.load(path))
        plugins[-1].start()
        return plugins[-1]

    yield start
    for plugin in plugins:
        plugin.stop()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "policy.json"
    path.write_bytes(ALLOW)
    return path


def in_force(plugin):
    return {"allow": ALLOW, "deny": DENY}[plugin.snapshot.policy.default_policy]


@pytest.mark.heavy
def test_every_decision_is_of_the_old_or_the_new_policy(saving, load, until):
    """While the file is saved in each way, no decision is of anything else, and within a second
    all are of the new one."""
    saving.lay_out(ALLOW)
    plugin = load(saving.path)
    with Client(plugin) as client:
        for content in DENY, ALLOW:
            saving.save(content)
            until(lambda content=content: in_force(plugin) == content)
            assert client.answers_now() <= VERDICTS[content]
    made = {decision.verdict for decision in client.decisions}
    assert made <= VERDICTS[ALLOW] | VERDICTS[DENY]
    assert not any(decision.message.startswith("error:") for decision in client.decisions)
    assert plugin.status.problems == ()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b"", ""),
        (b'{"default_policy": "de', ""),
        (b'{"default_policy": "sometimes"}', "default_policy"),
        (b"\x7fELF\x00\xff", ""),
        (None, "is not there"),
    ],
    ids=["empty", "half-written", "wrong", "binary", "deleted"],
)
def test_a_bad_file_keeps_the_last_good_policy(path, load, until, caplog, bad, said):
    """The status shows what is wrong, the log says so once, and a good file clears it."""
    plugin = load(path)
    version = plugin.status.version
    if bad is None:
        path.unlink()
    else:
        path.write_bytes(bad)
    until(lambda: plugin.status.problems != ())
    assert said in str(plugin.status.problems[0])
    assert plugin.status.version == version
    assert plugin.on_write(NOTE, Context()).verdict is Verdict.ACCEPT

    path.write_bytes(DENY)
    until(lambda: in_force(plugin) == DENY)
    until(lambda: plugin.status.problems == ())  # just after
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert version in errors[0].message


def test_a_deleted_file_that_comes_back_clears_the_status(path, load, until):
    """Also where it says what it said before, which is in force all the time."""
    plugin = load(path)
    path.rename(path.with_suffix(".aside"))
    until(lambda: plugin.status.problems != ())
    path.with_suffix(".aside").rename(path)
    until(lambda: plugin.status.problems == ())
    assert in_force(plugin) == ALLOW


def test_stop_ends_the_watching(path, load):
    """After it the policy stays as it is, and decisions go on."""
    plugin = load(path)
    threads = threading.enumerate()
    plugin.stop()
    plugin.stop()
    assert "orly-policy-reload" not in {thread.name for thread in threading.enumerate()}
    assert len(threading.enumerate()) < len(threads)
    assert plugin.on_write(NOTE, Context()).verdict is Verdict.ACCEPT
