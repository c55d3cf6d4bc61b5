"""The web ACL in front of a load balancer. Without a wish nothing is touched."""

from addons.albingress.model.actions import AssociateWebAcl
from addons.albingress.model.elb import LoadBalancer
from addons.albingress.model.stack import DesiredLoadBalancer

NONE = "none"
"""The wish to have none."""


def plan_web_acl(
    wanted: DesiredLoadBalancer, there: LoadBalancer | None, needs: tuple[str, ...]
) -> list[AssociateWebAcl]:
    """Attach or detach; nothing where it is not known what is attached."""
    acl = "" if wanted.waf_acl == NONE else wanted.waf_acl
    now = there.web_acl if there else ""
    if not wanted.waf_acl or now is None or now == acl:
        return []
    because = f"{wanted.name} is to have {'the web ACL ' + acl if acl else 'no web ACL'}"
    return [
        AssociateWebAcl(
            key=f"web-acl/{wanted.name}",
            ref=None,
            because=because,
            needs=needs,
            load_balancer=wanted.name,
            acl=acl,
        )
    ]
