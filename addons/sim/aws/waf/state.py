"""The web ACLs of an account, and what they protect."""

from collections import Counter
from dataclasses import dataclass

from addons.sim.aws.ec2.account import OWNER, REGION
from addons.sim.aws.elbv2.account import Account


@dataclass(frozen=True, slots=True)
class WebAcl:
    """A web ACL; it has no rules here, and lets everything pass."""

    arn: str
    name: str
    id: str


class Waf:
    """Web ACLs by ARN, and in `protected` the ARN of the one before each load balancer that has one.

    `calls` counts those that came over HTTP, by operation.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.calls: Counter[str] = Counter()
        self.acls: dict[str, WebAcl] = {}
        self.protected: dict[str, str] = {}
        self.used_numbers = 0

    def create(self, name: str) -> WebAcl:
        """Make a web ACL."""
        self.used_numbers += 1
        id_ = f"00000000-0000-4000-8000-{self.used_numbers:012d}"
        acl = WebAcl(f"arn:aws:wafv2:{REGION}:{OWNER}:regional/webacl/{name}/{id_}", name, id_)
        self.acls[acl.arn] = acl
        return acl

    def acl_of(self, resource_arn: str) -> WebAcl | None:
        """Give the web ACL that protects a load balancer; None without one."""
        if self.account.load_balancers.get(resource_arn) is None:
            self.protected.pop(resource_arn, None)
        return self.acls.get(self.protected.get(resource_arn, ""))

    def associate(self, resource_arn: str, acl_arn: str) -> None:
        """Let a web ACL protect a load balancer, in place of the one that did."""
        self.protected[resource_arn] = acl_arn

    def disassociate(self, resource_arn: str) -> None:
        """Let nothing protect a load balancer."""
        self.protected.pop(resource_arn, None)
