"""V: the time of one Schnorr verification, in which everything is stated.

Every relay pays 1 V for every write, and V grows and shrinks with the machine as all else does.
"""

import hashlib
import time
from typing import Final

from coincurve import PrivateKey, PublicKeyXOnly

_SECRET: Final = PrivateKey(hashlib.sha256(b"benchmark").digest())
_MESSAGE: Final = hashlib.sha256(b"an event").digest()
_KEY: Final = _SECRET.public_key_xonly.format()
_SIGNATURE: Final = _SECRET.sign_schnorr(_MESSAGE)


def verify(times: int) -> None:
    """Verify one signature so many times, the key parsed each time.

    :raises ValueError: it does not verify.
    """
    for _ in range(times):
        if not PublicKeyXOnly(_KEY).verify(_SIGNATURE, _MESSAGE):
            raise ValueError("a good signature does not verify")


def seconds_now(times: int = 200) -> float:
    """One verification's seconds, the mean of so many in a row."""
    start = time.perf_counter_ns()
    verify(times)
    return (time.perf_counter_ns() - start) / times / 1e9
