"""What botocore raises, told in the one small tree of errors: a table of patterns over service and code."""

from fnmatch import fnmatchcase
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from addons.runtime.errors import (
    AlreadyExists,
    Conflict,
    Denied,
    Exhausted,
    Expired,
    Invalid,
    NotFound,
    OutsideError,
    Throttled,
    Unavailable,
)

TABLE: Final[tuple[tuple[str, type[OutsideError]], ...]] = (
    ("route53:PriorRequestNotComplete", Throttled),
    ("*:Throttl*", Throttled),
    ("*:*ThrottledException", Throttled),
    ("*:RequestThrottled", Throttled),
    ("*:RequestLimitExceeded", Throttled),
    ("*:BandwidthLimitExceeded", Throttled),
    ("*:TooManyRequestsException", Throttled),
    ("*:SlowDown", Throttled),
    ("*:AccessDenied*", Denied),
    ("*:UnauthorizedOperation", Denied),
    ("*:AuthFailure", Denied),
    ("*:OptInRequired", Denied),
    ("*:InvalidClientTokenId", Denied),
    ("*:UnrecognizedClientException", Denied),
    ("*:SignatureDoesNotMatch", Denied),
    ("*:MissingAuthenticationToken*", Denied),
    ("*:OperationNotPermitted", Denied),
    # Expired credentials are renewed, by botocore or by whoever wrote them: that passes by itself.
    ("*:ExpiredToken*", Unavailable),
    ("*:RequestExpired", Unavailable),
    ("*:RequestTimeout*", Unavailable),
    ("*:Internal*", Unavailable),
    ("*:ServiceUnavailable*", Unavailable),
    ("*:Unavailable", Unavailable),
    ("*:IDPCommunicationError", Unavailable),
    ("*:InvalidNextToken*", Expired),
    ("*:InvalidPaginationToken*", Expired),
    ("*:NoSuch*", NotFound),
    ("*:*NotFound", NotFound),
    ("*:*NotFoundException", NotFound),
    ("*:*AlreadyExist*", AlreadyExists),
    ("*:*Duplicate*", AlreadyExists),
    ("*:*InUse*", Conflict),
    ("*:DependencyViolation", Conflict),
    ("*:IncorrectState", Conflict),
    ("*:IncorrectInstanceState", Conflict),
    ("*:ResourceContention*", Conflict),
    ("*:ScalingActivityInProgress*", Conflict),
    ("route53:ConcurrentModification", Conflict),
    ("route53:HostedZoneNotEmpty", Conflict),
    ("*:*LimitExceeded*", Exhausted),
    ("*:*LimitsExceeded", Exhausted),
    ("*:TooMany*", Exhausted),
    ("ec2:Insufficient*", Exhausted),
)
"""Patterns of `service:code`, the service as boto3 names it; the first that fits counts. What fits none is
Unavailable with an HTTP status of 500 and above, else Invalid."""

RAISED: Final = (ClientError, BotoCoreError, ResponseParserError, LookupError, UnicodeError)
"""By botocore. The last three, which it does not document, are about answers that cannot be read."""

OF_CREDENTIALS: Final = frozenset(
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "CredentialRetrievalError",
        "MetadataRetrievalError",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "MissingAuthenticationToken",
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
    }
)
"""Codes that say that we have no credentials, or none that AWS takes."""

_BAD_REQUEST = (ParamValidationError, NoRegionError, InvalidRegionError, ProfileNotFound)


def translate(service: str, operation: str, error: Exception) -> OutsideError:
    """Give the error of our tree; its message names the operation that failed, and has all that AWS said.

    One of ours that was raised below botocore comes out as it is.
    """
    if isinstance(error, HTTPClientError) and isinstance(ours := error.kwargs.get("error"), OutsideError):
        return ours
    if isinstance(error, ClientError):
        return _from_reply(service, error)
    words = " ".join(str(error).split()[:60])
    if isinstance(error, NoRegionError):
        words = "no region is known: set --aws-region, or AWS_REGION"
    return _kind_of(error)(f"{service} {operation}: {words}", code=type(error).__name__)


def find_kind(service: str, code: str, status: int) -> type[OutsideError]:
    """Look an error code up in the table."""
    for pattern, kind in TABLE:
        if fnmatchcase(f"{service}:{code}", pattern):
            return kind
    return Unavailable if status >= 500 else Invalid


def _from_reply(service: str, error: ClientError) -> OutsideError:
    said = error.response.get("Error", {})
    metadata = error.response.get("ResponseMetadata", {})
    code, status = said.get("Code", ""), metadata.get("HTTPStatusCode", 0)
    # Route 53 lists what is wrong with a batch in `messages`, and then may have no message besides.
    parts = [said.get("Message"), *error.response.get("messages", [])]
    words = "; ".join(dict.fromkeys(part for part in parts if part)) or "no reason given"
    message = f"{service} {error.operation_name}: {words} ({code})"
    return find_kind(service, code, status)(message, code=code, status=status)


def _kind_of(error: Exception) -> type[OutsideError]:
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return Denied
    return Invalid if isinstance(error, _BAD_REQUEST) else Unavailable
