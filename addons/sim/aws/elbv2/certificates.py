"""Which certificates a listener may have."""

from collections.abc import Iterable, Mapping
from typing import Any

from addons.sim.aws.elbv2.account import Account
from addons.sim.aws.elbv2.errors import ElbError, invalid


def check_certificate(account: Account, arn: str) -> str:
    """Give an ARN back. Raises CertificateNotFound for one that ACM has not issued."""
    if not account.has_certificate(arn):
        raise ElbError("CertificateNotFound", f"Certificate '{arn}' not found")
    return arn


def read_arns(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """Give the ARNs of certificates that a call names; whether one is the default is not to be said."""
    given = list(items)
    if any("IsDefault" in item for item in given):
        raise invalid("The property 'IsDefault' cannot be specified")
    return [str(item.get("CertificateArn", "")) for item in given]


def read_default(account: Account, items: Iterable[Mapping[str, Any]]) -> str:
    """Give the one default certificate that a call names."""
    given = [str(item.get("CertificateArn", "")) for item in items]
    if len(given) != 1:
        raise invalid("Exactly one certificate must be specified; others are added to the listener")
    return check_certificate(account, given[0])
