"""The web ACLs that stand before load balancers."""

from typing import Final

from addons.runtime.aws import AwsSession
from addons.runtime.errors import Invalid, NotFound
from addons.runtime.permit import Permit

_ABSENT: Final = ("WAFNonexistentItemException", "WAFUnavailableEntityException")
"""What WAF says of a load balancer that it does not know, or not yet."""


class WebAcls:
    """Which web ACL protects which load balancer. All calls raise OutsideError."""

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws

    async def of(self, load_balancer_arn: str) -> str:
        """The ARN of the web ACL before a load balancer; empty for none."""
        reply = await self._aws.call("wafv2", "get_web_acl_for_resource", ResourceArn=load_balancer_arn)
        return str((reply.get("WebACL") or {}).get("ARN", ""))

    async def put(self, load_balancer_arn: str, acl: str, permit: Permit) -> None:
        """Have a web ACL, or none, before a load balancer. NotFound: one of the two does not exist yet."""
        more = {"WebACLArn": acl} if acl else {}
        operation = "associate_web_acl" if acl else "disassociate_web_acl"
        try:
            await self._aws.call("wafv2", operation, permit=permit, ResourceArn=load_balancer_arn, **more)
        except Invalid as error:
            if error.code not in _ABSENT:
                raise
            raise NotFound(error.message, code=error.code, status=error.status) from error
