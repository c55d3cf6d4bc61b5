"""Errors of AWS, told in our own tree."""

from fnmatch import fnmatchcase

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ReadTimeoutError,
)

from addons.runtime.aws_errors import TABLE, find_kind, translate
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

EXAMPLES: dict[type[OutsideError], str] = {
    Throttled: """
        route53:Throttling route53:PriorRequestNotComplete ec2:RequestLimitExceeded elbv2:Throttling
        sts:ThrottlingException ec2:EC2ThrottledException ec2:RequestThrottled ec2:BandwidthLimitExceeded
        wafv2:TooManyRequestsException s3:SlowDown autoscaling:Throttling
    """,
    Denied: """
        route53:AccessDenied route53:AccessDeniedException ec2:UnauthorizedOperation ec2:AuthFailure
        ec2:OptInRequired sts:InvalidClientTokenId acm:UnrecognizedClientException sts:SignatureDoesNotMatch
        route53:MissingAuthenticationTokenException elbv2:OperationNotPermitted sts:AccessDenied
    """,
    Unavailable: """
        sts:ExpiredToken acm:ExpiredTokenException ec2:RequestExpired elbv2:RequestTimeout ec2:InternalError
        elbv2:InternalFailure ec2:ServiceUnavailable ec2:Unavailable sts:IDPCommunicationError
    """,
    Expired: "autoscaling:InvalidNextToken route53:InvalidPaginationToken",
    NotFound: """
        route53:NoSuchHostedZone route53:NoSuchChange ec2:InvalidNetworkInterfaceID.NotFound
        elbv2:LoadBalancerNotFound elbv2:TargetGroupNotFound acm:ResourceNotFoundException iam:NoSuchEntity
    """,
    AlreadyExists: """
        route53:HostedZoneAlreadyExists elbv2:DuplicateListener ec2:InvalidPermission.Duplicate
        autoscaling:AlreadyExists
    """,
    Conflict: """
        ec2:DependencyViolation ec2:InvalidNetworkInterface.InUse elbv2:ResourceInUse elbv2:PriorityInUse
        ec2:IncorrectState ec2:IncorrectInstanceState autoscaling:ResourceContention
        autoscaling:ScalingActivityInProgress route53:ConcurrentModification route53:HostedZoneNotEmpty
    """,
    Exhausted: """
        ec2:InsufficientInstanceCapacity ec2:InsufficientFreeAddressesInSubnet
        ec2:NetworkInterfaceLimitExceeded ec2:InstanceLimitExceeded
        route53:LimitsExceeded elbv2:TooManyTargets autoscaling:LimitExceeded
        route53:TooManyHostedZones
    """,
    Invalid: "route53:InvalidChangeBatch ec2:InvalidParameterValue elbv2:ValidationError",
}
CASES = [(code, kind) for kind, codes in EXAMPLES.items() for code in codes.split()]


def client_error(
    code: str, message: str | None = "because", status: int = 400, **more: object
) -> ClientError:
    said = {"Code": code} | ({"Message": message} if message is not None else {})
    response = {"Error": said, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(response, "ListHostedZones")


class TestTable:
    @pytest.mark.parametrize(("example", "kind"), CASES)
    def test_every_code_has_its_kind(self, example: str, kind: type[OutsideError]) -> None:
        service, code = example.split(":")
        assert find_kind(service, code, 400) is kind

    def test_every_row_is_shown_by_an_example_that_no_earlier_row_takes(self) -> None:
        used = {
            next((pattern for pattern, _ in TABLE if fnmatchcase(example, pattern)), "")
            for example, _ in CASES
        }
        assert {pattern for pattern, _ in TABLE} - used == set()

    @pytest.mark.parametrize(("status", "kind"), [(502, Unavailable), (500, Unavailable), (404, Invalid)])
    def test_an_unknown_code_is_judged_by_its_status(self, status: int, kind: type[OutsideError]) -> None:
        assert find_kind("route53", "Surprise", status) is kind


class TestTranslate:
    def test_operation_words_code_and_status_are_kept(self) -> None:
        error = translate("route53", "list_hosted_zones", client_error("NoSuchHostedZone", "no zone", 404))
        assert (error.message, error.code, error.status) == (
            "route53 ListHostedZones: no zone (NoSuchHostedZone)",
            "NoSuchHostedZone",
            404,
        )

    def test_all_that_is_wrong_with_a_batch_is_kept(self) -> None:
        wrong = client_error("InvalidChangeBatch", None, messages=["[a is bad]", "[b is bad]"])
        error = translate("route53", "change_resource_record_sets", wrong)
        assert isinstance(error, Invalid)
        assert error.message.endswith(": [a is bad]; [b is bad] (InvalidChangeBatch)")

    def test_a_reply_without_words_is_told_as_such(self) -> None:
        assert "no reason given" in str(translate("sts", "assume_role", client_error("AccessDenied", None)))

    def test_without_a_region_it_says_how_to_name_one(self) -> None:
        error = translate("route53", "list_hosted_zones", NoRegionError())
        assert error.message.endswith(": no region is known: set --aws-region, or AWS_REGION")

    @pytest.mark.parametrize(
        ("raised", "kind"),
        [
            (EndpointConnectionError(endpoint_url="http://x", error="refused"), Unavailable),
            (ConnectTimeoutError(endpoint_url="http://x"), Unavailable),
            (ReadTimeoutError(endpoint_url="http://x"), Unavailable),
            (CredentialRetrievalError(provider="imds", error_msg="no answer"), Unavailable),
            (NoCredentialsError(), Denied),
            (NoRegionError(), Invalid),
            (ParamValidationError(report="Missing required parameter\nin input"), Invalid),
        ],
    )
    def test_what_never_reached_aws_has_its_kind_too(
        self, raised: BotoCoreError, kind: type[OutsideError]
    ) -> None:
        error = translate("route53", "list_hosted_zones", raised)
        assert type(error) is kind
        assert error.message.startswith("route53 list_hosted_zones: ")
        assert "\n" not in error.message
