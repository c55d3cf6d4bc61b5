"""The HTTP side of ACM: ListCertificates, DescribeCertificate and ListTagsForCertificate."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from addons.sim.aws.acm.state import LIFE, Acm, Certificate

Call = dict[str, Any]
_ARN = re.compile(r"arn:[\w-]+:acm:[\w-]*:\d+:certificate/[\w-]+")
_USUAL_KEYS = ("RSA_1024", "RSA_2048")


class AcmError(Exception):
    """A refused call."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def list_certificates(acm: Acm, call: Call) -> Call:
    """Show a page of certificates; without asking for other keys, those with RSA keys of usual length."""
    size = call.get("MaxItems", 1000)
    if not 1 <= size <= 1000:
        raise AcmError("ValidationException", f"Value '{size}' at 'maxItems' must be between 1 and 1000")
    statuses = call.get("CertificateStatuses")
    keys = [_key(each) for each in (call.get("Includes") or {}).get("keyTypes") or _USUAL_KEYS]
    found = [
        each
        for each in acm.certificates.values()
        if _key(each.key_algorithm) in keys and (not statuses or each.status in statuses)
    ]
    start = 0
    if token := call.get("NextToken"):
        arns = [each.arn for each in found]
        if token not in arns:
            raise AcmError("InvalidArgsException", f"The token '{token}' is not valid")
        start = arns.index(token) + 1
    shown = found[start : start + size]
    answer: Call = {"CertificateSummaryList": list(map(_summary, shown))}
    return answer | ({"NextToken": shown[-1].arn} if start + size < len(found) else {})


def _key(algorithm: str) -> str:
    return algorithm.replace("-", "_")


def _summary(certificate: Certificate) -> Call:
    return {
        "CertificateArn": certificate.arn,
        "DomainName": certificate.names[0],
        "SubjectAlternativeNameSummaries": list(certificate.names[:100]),
        "HasAdditionalSubjectAlternativeNames": len(certificate.names) > 100,
        "Status": certificate.status,
        "Type": certificate.type,
        "KeyAlgorithm": certificate.key_algorithm,
        "CreatedAt": certificate.created_at.timestamp(),
    }


def describe_certificate(acm: Acm, call: Call) -> Call:
    """Show a certificate with all its names."""
    found = _certificate(acm, call)
    shape = {
        "CertificateArn": found.arn,
        "DomainName": found.names[0],
        "SubjectAlternativeNames": list(found.names),
        "Status": found.status,
        "Type": found.type,
        "KeyAlgorithm": found.key_algorithm,
        "CreatedAt": found.created_at.timestamp(),
        "NotBefore": found.created_at.timestamp(),
        "NotAfter": (found.created_at + LIFE).timestamp(),
        "InUseBy": [],
    }
    authority = {"CertificateAuthorityArn": found.authority_arn} if found.authority_arn else {}
    return {"Certificate": shape | authority}


def list_tags_for_certificate(acm: Acm, call: Call) -> Call:
    """Show the tags of a certificate."""
    tags = _certificate(acm, call).tags
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _certificate(acm: Acm, call: Call) -> Certificate:
    arn = call.get("CertificateArn", "")
    if not _ARN.fullmatch(arn):
        raise AcmError("ValidationException", f"The ARN '{arn}' is not valid")
    if arn not in acm.certificates:
        raise AcmError("ResourceNotFoundException", f"Could not find certificate {arn}.")
    return acm.certificates[arn]


OPERATIONS: Mapping[str, Callable[[Acm, Call], Call]] = {
    "DescribeCertificate": describe_certificate,
    "ListCertificates": list_certificates,
    "ListTagsForCertificate": list_tags_for_certificate,
}


def answer(acm: Acm, operation: str, body: bytes) -> str:
    """Give the JSON of the answer. Raises `AcmError`."""
    acm.calls[operation] += 1
    return json.dumps(OPERATIONS[operation](acm, json.loads(body or b"{}")))
