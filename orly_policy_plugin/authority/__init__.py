"""Who signed what, and what that may change (sections 7 to 9 of the spec). Pure.

An event goes through :func:`examine`; an admin's full policy through :func:`contribution_of`, and
an admin's contribution of either form through :func:`check_fits`. Which contributions stand is
for :func:`standing_contributions` to say.
"""

from .allowed_differences import contribution_of
from .contributions import (
    CONTRIBUTION_KEYS,
    Contribution,
    Extension,
    read_contribution,
    unstructure_contribution,
)
from .fitting import Skipped, check_fits, standing_contributions
from .freshness import Freshness, Mark
from .policy_events import RefusedUpdate, Update, check_owner_policy, examine
from .verifying import has_right_id, is_signed, verify
from .withdrawals import withdrawn_by

__all__ = [
    "CONTRIBUTION_KEYS",
    "Contribution",
    "Extension",
    "Freshness",
    "Mark",
    "RefusedUpdate",
    "Skipped",
    "Update",
    "check_fits",
    "check_owner_policy",
    "contribution_of",
    "examine",
    "has_right_id",
    "is_signed",
    "read_contribution",
    "standing_contributions",
    "unstructure_contribution",
    "verify",
    "withdrawn_by",
]
