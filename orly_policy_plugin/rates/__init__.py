"""Who has written how much, for ``rate_limit`` (section 6 of the spec)."""

from .limiter import MOST_KEYS, RateLimiter
from .port import Charged, Exchange, Rates
from .shared import SharedRateLimiter, Told

__all__ = ["MOST_KEYS", "Charged", "Exchange", "RateLimiter", "Rates", "SharedRateLimiter", "Told"]
