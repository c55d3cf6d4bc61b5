"""What can be done about credentials, and what is planned."""

from datetime import datetime

from msgspec import Struct

from addons.iamproxy.model.credentials import CredentialKey
from addons.runtime.outcomes import Skip


class Held(Struct, frozen=True):
    """Credentials as the planner sees them; `unwanted_since` is when the last pod that used them went."""

    expires: datetime
    renew_at: datetime
    unwanted_since: datetime | None = None


class Fetch(Struct, frozen=True):
    """Get credentials that a pod will ask for."""

    key: CredentialKey


class Renew(Struct, frozen=True):
    """Get new credentials in place of ones that are still good, but not for long."""

    key: CredentialKey
    expires: datetime


class Drop(Struct, frozen=True):
    """Hold credentials no longer."""

    key: CredentialKey
    because: str


Action = Fetch | Renew | Drop


class Plan(Struct, frozen=True):
    """What to do about credentials, the most urgent first, and what is not done for now."""

    actions: tuple[Action, ...] = ()
    skips: tuple[Skip, ...] = ()
