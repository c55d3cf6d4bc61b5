"""Load balancers."""

from collections.abc import Sequence

from msgspec.structs import replace

from addons.albingress.aws.applying.singly import all_or_each
from addons.albingress.aws.applying.work import Item, Work, spec_of, without_spec
from addons.albingress.aws.ownership import is_the_same, name_taken
from addons.albingress.aws.translate.balancers import (
    changed,
    load_balancer_from_api,
    pairs_from_api,
    pairs_to_api,
    tags_to_api,
)
from addons.albingress.model.actions import (
    AssociateWebAcl,
    CreateLoadBalancer,
    DeleteLoadBalancer,
    ModifyLoadBalancerAttributes,
    SetIpAddressType,
    SetSecurityGroups,
    SetSubnets,
)
from addons.albingress.model.elb import LoadBalancer
from addons.albingress.model.stack import DesiredLoadBalancer, Pairs
from addons.runtime.errors import AlreadyExists, Conflict, Invalid, NotFound


async def create(work: Work, action: CreateLoadBalancer) -> None:
    """Have the load balancer with its attributes: a new one, or the one of that name if it is ours."""
    wanted = action.load_balancer
    tags = without_spec(wanted.tags) if wanted.attributes else wanted.tags
    groups = [work.security_group_id(name) for name in action.security_groups]

    async def once() -> Item:
        return await _with_groups(work, "create_load_balancer", **_said(wanted, groups, tags))

    try:
        item = (await work.seen(once, *groups))["LoadBalancers"][0]
        balancer = load_balancer_from_api(item, tags)
        if balancer.state != "provisioning":  # the same settings were there already
            balancer = await _adopt(work, wanted)
    except AlreadyExists:
        balancer = await _adopt(work, wanted)
    work.made(balancer)
    if wanted.attributes:
        await _set_attributes(work, balancer, wanted.attributes)
        await _vouch(work, balancer.arn, spec_of(wanted.tags))


def _said(wanted: DesiredLoadBalancer, groups: list[str], tags: Pairs) -> Item:
    return {
        "Name": wanted.name,
        "Type": "application",
        "Scheme": wanted.scheme,
        "IpAddressType": wanted.ip_address_type,
        "Subnets": list(wanted.subnets),
        "SecurityGroups": groups,
        **tags_to_api(tags),
    }


async def _with_groups(work: Work, operation: str, **arguments: object) -> Item:
    """Make a call that names security groups; one that AWS does not know, or not yet, is NotFound."""
    try:
        return await work.elb(operation, **arguments)
    except Invalid as error:
        if error.code != "InvalidSecurityGroup":
            raise
        raise NotFound(error.message, code=error.code, status=error.status) from error


async def _adopt(work: Work, wanted: DesiredLoadBalancer) -> LoadBalancer:
    item = await work.door.reading.load_balancer_named(wanted.name)
    tags: Pairs = ()
    if item:
        arn = item["LoadBalancerArn"]
        tags = (await work.door.reading.tags_of([arn])).get(arn, ())
    if item is None or not is_the_same(tags, wanted.tags):
        raise name_taken("load balancer", wanted.name)
    balancer = load_balancer_from_api(item, tags)
    if balancer.scheme != wanted.scheme:
        work.made(balancer)
        raise Conflict(
            f"load balancer {wanted.name}: there already, and {balancer.scheme}", code="OtherScheme"
        )
    return balancer


async def _vouch(work: Work, arn: str, spec: Pairs) -> None:
    """Set the digest of what was just done, which a restart then believes."""
    if spec:
        await work.elb("add_tags", ResourceArns=[arn], Tags=pairs_to_api(spec))
        balancer = work.own(LoadBalancer, arn)
        work.changed(replace(balancer, tags=changed(balancer.tags, dict(spec))))


async def set_subnets(work: Work, action: SetSubnets) -> None:
    """Move a load balancer to these subnets."""
    balancer = work.load_balancer(action.load_balancer)
    await work.elb("set_subnets", LoadBalancerArn=balancer.arn, Subnets=list(action.subnets))
    work.changed(replace(balancer, subnets=tuple(sorted(action.subnets))))


async def set_security_groups(work: Work, action: SetSecurityGroups) -> None:
    """Give a load balancer these security groups."""
    balancer = work.load_balancer(action.load_balancer)
    groups = tuple(work.security_group_id(name) for name in action.security_groups)

    async def once() -> Item:
        return await _with_groups(
            work, "set_security_groups", LoadBalancerArn=balancer.arn, SecurityGroups=list(groups)
        )

    await work.seen(once, balancer.arn, *groups)
    work.changed(replace(work.load_balancer(action.load_balancer), security_groups=groups))


async def set_ip_address_type(work: Work, action: SetIpAddressType) -> None:
    """Change the families of a load balancer's addresses."""
    balancer = work.load_balancer(action.load_balancer)
    kind = action.ip_address_type
    await work.elb("set_ip_address_type", LoadBalancerArn=balancer.arn, IpAddressType=kind)
    work.changed(replace(balancer, ip_address_type=kind))


async def modify_attributes(work: Work, action: ModifyLoadBalancerAttributes) -> None:
    """Set attributes."""
    await _set_attributes(work, work.load_balancer(action.load_balancer), action.attributes)


async def _set_attributes(work: Work, balancer: LoadBalancer, attributes: Pairs) -> None:
    async def some(pairs: Sequence[tuple[str, str]]) -> None:
        async def once() -> Item:
            return await work.elb(
                "modify_load_balancer_attributes",
                LoadBalancerArn=balancer.arn,
                Attributes=pairs_to_api(tuple(pairs)),
            )

        reply = await work.seen(once, balancer.arn)
        work.changed(replace(balancer, attributes=pairs_from_api(reply.get("Attributes"))))

    await all_or_each(some, attributes)


async def associate_web_acl(work: Work, action: AssociateWebAcl) -> None:
    """Have a web ACL before a load balancer, or none."""
    balancer = work.load_balancer(action.load_balancer)
    put = work.door.web_acls.put
    await work.seen(lambda: put(balancer.arn, action.acl, work.permit), balancer.arn)
    work.changed(replace(balancer, web_acl=action.acl))


async def delete(work: Work, action: DeleteLoadBalancer) -> None:
    """Have the load balancer not be there, nor its listeners and rules. Denied: it is protected."""
    if await work.is_there(action.arn):
        await work.delete("delete_load_balancer", LoadBalancerArn=action.arn)
    work.gone(action.arn)
