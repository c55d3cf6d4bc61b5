"""The certificates of ACM, by which a listener finds the one for a host."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Final

from addons.albingress.aws.remembered import Remembered
from addons.albingress.model.network import Certificate
from addons.runtime.aws import AwsSession
from addons.runtime.errors import NotFound

_LIST_SECONDS = 60.0
_IMPORTED_SECONDS = 300.0
_ISSUED_SECONDS = 36_000.0
_PAGE = 1000
_KEY_TYPES: Final = (
    "RSA_1024",
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "EC_prime256v1",
    "EC_secp384r1",
    "EC_secp521r1",
)


class Certificates:
    """Reads the certificates that are issued; those of `authorities` only, where there are some.

    A listing has up to a hundred names of each; what it leaves out is asked for one by one, and remembered.
    """

    def __init__(self, aws: AwsSession, *, authorities: Collection[str] = ()) -> None:
        self._aws = aws
        self._authorities = frozenset(authorities)
        self._listed: Remembered[str, tuple[Certificate, ...]] = Remembered(_LIST_SECONDS)
        self._imported: Remembered[str, Certificate] = Remembered(_IMPORTED_SECONDS)
        self._issued: Remembered[str, Certificate] = Remembered(_ISSUED_SECONDS)

    async def issued(self) -> tuple[Certificate, ...]:
        """All that a listener can serve, by ARN. Raises OutsideError."""
        return await self._listed.get("issued", self._list)

    def forget(self) -> None:
        """Have the listing read again."""
        self._listed.forget()

    async def _list(self) -> tuple[Certificate, ...]:
        pages = self._aws.pages(
            "acm",
            "list_certificates",
            CertificateStatuses=["ISSUED"],
            Includes={"keyTypes": list(_KEY_TYPES)},
            MaxItems=_PAGE,
        )
        items = [item async for page in pages for item in page["CertificateSummaryList"]]
        found = await asyncio.gather(*(self._certificate(item) for item in items if self._may_count(item)))
        wanted = (each for each in found if each and self._is_wanted(each))
        return tuple(sorted(wanted, key=lambda each: each.arn))

    def _may_count(self, item: Mapping[str, Any]) -> bool:
        """Of certificates of no private authority none is wanted where authorities are named."""
        return not self._authorities or item.get("Type") == "PRIVATE"

    def _is_wanted(self, certificate: Certificate) -> bool:
        return not self._authorities or certificate.authority in self._authorities

    async def _certificate(self, item: Mapping[str, Any]) -> Certificate | None:
        names = item.get("SubjectAlternativeNameSummaries")
        if names and not item.get("HasAdditionalSubjectAlternativeNames") and not self._authorities:
            return _certificate(item, names)
        arn = item["CertificateArn"]
        kept = self._imported if item.get("Type") == "IMPORTED" else self._issued
        known = kept.known(arn)
        if known is None and (known := await self._describe(arn)):
            kept.put(arn, known)
        return known

    async def _describe(self, arn: str) -> Certificate | None:
        try:
            item = (await self._aws.call("acm", "describe_certificate", CertificateArn=arn))["Certificate"]
        except NotFound:
            return None
        return _certificate(item, item.get("SubjectAlternativeNames") or ())


def _certificate(item: Mapping[str, Any], names: Collection[str]) -> Certificate:
    return Certificate(
        arn=item["CertificateArn"],
        hosts=tuple(dict.fromkeys((item["DomainName"], *names))),
        authority=item.get("CertificateAuthorityArn") or "",
    )
