"""Security groups and what they let in."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from addons.albingress.aws.translate.balancers import pairs_from_api
from addons.albingress.aws.translate.conditions import Item
from addons.albingress.model.elb import SecurityGroup
from addons.albingress.model.stack import Permission

_SOURCES = (
    ("cidr", "IpRanges", "CidrIp"),
    ("cidr", "Ipv6Ranges", "CidrIpv6"),
    ("prefix_list", "PrefixListIds", "PrefixListId"),
    ("security_group", "UserIdGroupPairs", "GroupId"),
)


def security_group_from_api(item: Item) -> SecurityGroup:
    """Read a security group: each permission has one source. All ports are 0 to 65535."""
    permissions = (each for one in item.get("IpPermissions") or () for each in _permissions(one))
    return SecurityGroup(
        id=item["GroupId"],
        name=item.get("GroupName", ""),
        permissions=tuple(sorted(permissions)),
        tags=pairs_from_api(item.get("Tags")),
    )


def _permissions(item: Item) -> Iterator[Permission]:
    protocol = item["IpProtocol"]
    first, last = (0, 65535) if protocol == "-1" else (item.get("FromPort", 0), item.get("ToPort", 65535))
    for kind, part, name in _SOURCES:
        for source in item.get(part) or ():
            if source.get(name):
                said = source.get("Description") or ""
                yield Permission(first, last, protocol=protocol, description=said, **{kind: source[name]})


def permissions_to_api(permissions: Iterable[Permission]) -> list[dict[str, Any]]:
    """Give permissions as AuthorizeSecurityGroupIngress and RevokeSecurityGroupIngress take them."""
    ports: dict[tuple[str, int, int], list[Permission]] = defaultdict(list)
    for each in permissions:
        ports[each.protocol, each.port, each.to_port].append(each)
    return [
        _where(*where) | _from(sources) for where, sources in sorted(ports.items(), key=lambda item: item[0])
    ]


def _where(protocol: str, first: int, last: int) -> dict[str, Any]:
    if protocol == "-1":
        return {"IpProtocol": protocol}
    return {"IpProtocol": protocol, "FromPort": first, "ToPort": last}


def _from(permissions: Iterable[Permission]) -> dict[str, Any]:
    sources: dict[str, list[dict[str, str]]] = defaultdict(list)
    for each in permissions:
        part, name, source = _source(each)
        said = {"Description": each.description} if each.description else {}
        sources[part].append({name: source, **said})
    return dict(sources)


def _source(permission: Permission) -> tuple[str, str, str]:
    for kind, part, name in _SOURCES:
        source = getattr(permission, kind)
        if source and (":" in source) == (part == "Ipv6Ranges"):
            return part, name, source
    raise ValueError(f"a permission of port {permission.port} has no source")
