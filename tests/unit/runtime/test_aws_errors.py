"""What AWS's error codes mean to us."""

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError, ParamValidationError

from addons.runtime.aws_errors import BY_SERVICE, GENERAL, classify
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


def refusal(code: str, status: int = 400, message: str = "because", operation: str = "Op") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},
        operation,
    )


class TestTables:
    @pytest.mark.parametrize(("code", "expected"), GENERAL.items())
    def test_general_codes_mean_the_same_with_every_service(
        self, code: str, expected: type[OutsideError]
    ) -> None:
        assert type(classify("ec2", "op", refusal(code))) is expected

    @pytest.mark.parametrize(
        ("service", "code", "expected"),
        [(service, *row) for service, rows in BY_SERVICE.items() for row in rows.items()],
    )
    def test_a_service_has_codes_of_its_own(
        self, service: str, code: str, expected: type[OutsideError]
    ) -> None:
        assert type(classify(service, "op", refusal(code))) is expected


class TestUnknownCodes:
    @pytest.mark.parametrize(
        ("code", "status", "expected"),
        [
            ("InvalidNetworkInterfaceID.NotFound", 400, NotFound),
            ("NoSuchEntity", 404, NotFound),
            ("DuplicateListener", 400, AlreadyExists),
            ("InvalidGroup.InUse", 400, Conflict),
            ("InsufficientInstanceCapacity", 400, Exhausted),
            ("VpcLimitExceeded", 400, Exhausted),
            ("TooManyTargets", 400, Exhausted),
            ("SomethingNew", 400, Invalid),
            ("SomethingNew", 403, Denied),
            ("SomethingNew", 429, Throttled),
            ("SomethingNew", 503, Unavailable),
        ],
    )
    def test_form_and_status_tell(self, code: str, status: int, expected: type[OutsideError]) -> None:
        assert type(classify("ec2", "op", refusal(code, status))) is expected


class TestMessages:
    def test_the_call_the_code_and_the_reason_are_named(self) -> None:
        error = classify(
            "route53", "list_hosted_zones", refusal("AccessDenied", 403, "no such right", "ListHostedZones")
        )
        assert str(error) == "route53 list_hosted_zones: AccessDenied: no such right"
        assert (error.code, error.status) == ("AccessDenied", 403)

    def test_a_role_that_cannot_be_assumed_is_named_as_the_cause(self) -> None:
        error = classify("route53", "list_hosted_zones", refusal("AccessDenied", 403, "no", "AssumeRole"))
        assert str(error) == "route53 list_hosted_zones: AssumeRole: AccessDenied: no"

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (ConnectTimeoutError(endpoint_url="http://x"), Unavailable),
            (NoCredentialsError(), Denied),
            (ParamValidationError(report="bad"), Invalid),
        ],
    )
    def test_no_answer_is_an_error_too(self, error: ClientError, expected: type[OutsideError]) -> None:
        assert type(classify("sts", "assume_role", error)) is expected
