"""The certificates of an account."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from addons.sim.aws.ec2.account import OWNER, REGION
from addons.sim.aws.ec2.agenda import utc_now

LIFE = timedelta(days=395)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate. `names`: the domain name, then the alternative ones; one may begin with `*.`.

    `pem` and `key_pem`: what a data plane serves TLS with; empty when nobody asks.
    """

    arn: str
    names: tuple[str, ...]
    created_at: datetime
    status: str = "ISSUED"
    type: str = "AMAZON_ISSUED"
    authority_arn: str = ""
    key_algorithm: str = "RSA-2048"
    pem: str = ""
    key_pem: str = ""
    tags: dict[str, str] = field(default_factory=dict)


class Acm:
    """The certificates by ARN, in order of creation. `calls` counts the calls that came over HTTP."""

    def __init__(self) -> None:
        self.certificates: dict[str, Certificate] = {}
        self.calls: Counter[str] = Counter()
        self.used_numbers = 0

    def issue(self, *names: str, status: str = "ISSUED", type_: str = "AMAZON_ISSUED") -> Certificate:
        """Make a certificate for some names; a status other than ISSUED is one that cannot be used yet."""
        self.used_numbers += 1
        id_ = f"00000000-0000-4000-8000-{self.used_numbers:012d}"
        arn = f"arn:aws:acm:{REGION}:{OWNER}:certificate/{id_}"
        made = Certificate(arn, _lower(names), utc_now(), status, type_)
        self.certificates[arn] = made
        return made

    def import_(self, pem: str, key_pem: str, names: Sequence[str]) -> Certificate:
        """Make a certificate that somebody else has issued."""
        made = replace(self.issue(*names, type_="IMPORTED"), pem=pem, key_pem=key_pem)
        self.certificates[made.arn] = made
        return made

    def set_status(self, arn: str, status: str) -> None:
        """Let a certificate be ISSUED, EXPIRED, REVOKED…"""
        self.certificates[arn] = replace(self.certificates[arn], status=status)

    def delete(self, arn: str) -> None:
        """Let a certificate be gone."""
        del self.certificates[arn]

    def has_issued(self, arn: str) -> bool:
        """Say whether there is a certificate that a listener can serve."""
        found = self.certificates.get(arn)
        return found is not None and found.status == "ISSUED"

    @property
    def is_used(self) -> bool:
        """Say whether somebody has made a certificate here."""
        return bool(self.certificates)


def _lower(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.lower() for name in names))
