"""What AWS's error codes mean, as classes of runtime/errors.py. Nothing else names a code."""

from collections.abc import Mapping

from botocore import xform_name
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)

from addons.runtime.errors import (
    AlreadyExists,
    Conflict,
    Denied,
    Exhausted,
    Invalid,
    NotFound,
    OutsideError,
    Throttled,
    Unavailable,
)

Classes = Mapping[str, type[OutsideError]]

GENERAL: Classes = {
    "Throttling": Throttled,
    "ThrottlingException": Throttled,
    "ThrottledException": Throttled,
    "TooManyRequestsException": Throttled,
    "RequestLimitExceeded": Throttled,
    "RequestThrottled": Throttled,
    "RequestThrottledException": Throttled,
    "BandwidthLimitExceeded": Throttled,
    "SlowDown": Throttled,
    "AccessDenied": Denied,
    "AccessDeniedException": Denied,
    "UnauthorizedOperation": Denied,
    "AuthFailure": Denied,
    "OptInRequired": Denied,
    "UnrecognizedClientException": Denied,
    "InvalidClientTokenId": Denied,
    "SignatureDoesNotMatch": Denied,
    "MissingAuthenticationToken": Denied,
    "ExpiredToken": Denied,
    "ExpiredTokenException": Denied,
    "RequestExpired": Denied,
    "InternalError": Unavailable,
    "InternalFailure": Unavailable,
    "ServiceUnavailable": Unavailable,
    "ServiceUnavailableException": Unavailable,
    "RequestTimeout": Unavailable,
    "RequestTimeoutException": Unavailable,
    "LimitExceeded": Exhausted,
    "LimitExceededException": Exhausted,
}
"""Codes that mean the same with every service."""

BY_SERVICE: Mapping[str, Classes] = {
    "route53": {
        "PriorRequestNotComplete": Throttled,
        "NoSuchHostedZone": NotFound,
        "NoSuchChange": NotFound,
        "NoSuchHealthCheck": NotFound,
        "HostedZoneAlreadyExists": AlreadyExists,
        "InvalidChangeBatch": Invalid,
        "InvalidInput": Invalid,
    },
    "elbv2": {
        "LoadBalancerNotFound": NotFound,
        "ListenerNotFound": NotFound,
        "RuleNotFound": NotFound,
        "TargetGroupNotFound": NotFound,
    },
    "sts": {
        "RegionDisabledException": Denied,
        "IDPCommunicationError": Unavailable,
    },
}
"""Codes of one service, by boto3's name for it; they come before the general ones."""


def classify(service: str, operation: str, error: ClientError | BotoCoreError) -> OutsideError:
    """Give the error of ours for one of botocore's; its message says which call failed and why."""
    what = f"{service} {operation}"
    if isinstance(error, ClientError):
        if xform_name(error.operation_name) != operation:
            what = f"{what}: {error.operation_name}"  # AssumeRole, on the way to the credentials
        return _classify_answer(service, what, error)
    if isinstance(error, ParamValidationError):
        return Invalid(f"{what}: {error}", code=type(error).__name__)
    if isinstance(error, NoCredentialsError | PartialCredentialsError | NoRegionError):
        return Denied(f"{what}: {error}", code=type(error).__name__)
    return Unavailable(f"{what}: {error}", code=type(error).__name__)


def _classify_answer(service: str, what: str, error: ClientError) -> OutsideError:
    details = error.response.get("Error", {})
    code, status = details.get("Code", ""), _status(error)
    found = BY_SERVICE.get(service, {}).get(code) or GENERAL.get(code) or _by_status(code, status)
    return found(f"{what}: {code}: {_message(details)}", code=code, status=status)


def _message(details: Mapping[str, object]) -> str:
    """What AWS says; Route 53 sends its messages as a list of their own at times."""
    return str(details.get("Message") or details.get("message") or details.get("Messages") or "no message")


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _by_status(code: str, status: int) -> type[OutsideError]:
    """Guess the class of a code that no table has, from its form and the HTTP status."""
    if status == 429:
        return Throttled
    if status >= 500:
        return Unavailable
    if status == 403:
        return Denied
    if "NotFound" in code or code.startswith("NoSuch") or status == 404:
        return NotFound
    if "AlreadyExists" in code or "Duplicate" in code:
        return AlreadyExists
    if "InUse" in code or code == "DependencyViolation" or status == 409:
        return Conflict
    if "LimitExceeded" in code or "Insufficient" in code or code.startswith("TooMany"):
        return Exhausted
    return Invalid
