"""Words for tests of ingress groups: Ingresses, classes, members, inputs and what AWS has."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from addons.albingress import names
from addons.albingress.config import Config
from addons.albingress.desired.classes import ClassObjects
from addons.albingress.desired.groups import in_order, membership
from addons.albingress.desired.inputs import GroupInputs, Member, Resolved
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.groups import GroupId
from addons.albingress.model.network import Certificate, Subnet, Vpc
from addons.albingress.model.objects import (
    ClassParameters,
    FinalizedMeta,
    Ingress,
    IngressClass,
    IngressClassParams,
    IngressClassSpec,
    IngressRule,
    IngressSpec,
    IngressTls,
    Namespace,
)
from addons.runtime.objects import ObjectMeta
from addons.runtime.outcomes import Problem

TEAM = GroupId("team")
BORN = datetime(2026, 11, 1, tzinfo=UTC)


def config(**settings: Any) -> Config:
    """Settings of a cluster called prod."""
    return Config(cluster_name="prod", **settings)


def ingress(
    name: str = "web",
    said: Mapping[str, str] | None = None,
    *,
    hosts: Iterable[str] = (),
    tls: Iterable[str] = (),
    class_name: str = "alb",
    class_annotation: str | None = None,
    finalizers: tuple[str, ...] = (),
    deleted: bool = False,
) -> Ingress:
    """An Ingress of the namespace shop; `said` are annotations without our prefix."""
    annotations = {names.PREFIX + key: text for key, text in (said or {}).items()}
    if class_annotation is not None:
        annotations[names.INGRESS_CLASS] = class_annotation
    meta = FinalizedMeta(
        name=name,
        namespace="shop",
        uid=f"uid-{name}",
        annotations=annotations,
        finalizers=finalizers,
        creation_timestamp=BORN,
        deletion_timestamp=BORN if deleted else None,
    )
    rules = tuple(IngressRule(host=host) for host in hosts)
    spec = IngressSpec(ingress_class_name=class_name, rules=rules, tls=(IngressTls(hosts=tuple(tls)),))
    return Ingress(metadata=meta, spec=spec)


def ingress_class(
    name: str = "alb",
    *,
    controller: str = names.CONTROLLER,
    params: str = "",
    kind: str = "IngressClassParams",
    default: bool = False,
) -> IngressClass:
    """A class, of ours if nothing else is said."""
    wanted = ClassParameters(api_group=names.PARAMS_GROUP, kind=kind, name=params) if params else None
    meta = ObjectMeta(name=name, annotations={names.DEFAULT_CLASS: "true"} if default else {})
    return IngressClass(metadata=meta, spec=IngressClassSpec(controller=controller, parameters=wanted))


def class_params(spec: Any, name: str = "public") -> IngressClassParams:
    """The settings of a class, as they are written."""
    return IngressClassParams(metadata=ObjectMeta(name=name), spec=spec)


def objects(
    *found: IngressClass | IngressClassParams, labels: Mapping[str, str] | None = None
) -> ClassObjects:
    """These classes and settings; the namespace shop has the labels."""
    return ClassObjects(
        classes={one.metadata.name: one for one in found if isinstance(one, IngressClass)},
        params={one.metadata.name: one for one in found if isinstance(one, IngressClassParams)},
        namespaces={"shop": Namespace(metadata=ObjectMeta(name="shop", labels=labels or {}))},
    )


def member(
    name: str = "web", said: Mapping[str, str] | None = None, *, params: Any = None, **how: Any
) -> Member:
    """An Ingress as a member of the group team, with `params` as the settings of its class."""
    found = membership(
        ingress(name, {names.GROUP_NAME: "team", **(said or {})}, **how),
        objects(ingress_class(params="public"), class_params(params))
        if params is not None
        else objects(ingress_class()),
        config(),
    )
    assert isinstance(found, Member), found
    return found


def doubtful(name: str = "web", said: Mapping[str, str] | None = None, **how: Any) -> Member:
    """A member of the group team whose class is gone."""
    held = (f"{names.GROUP_FINALIZER}team",)
    found = membership(ingress(name, said, finalizers=held, **how), objects(), config())
    assert isinstance(found, Member)
    return found


def subnet(name: str, zone: str = "a", **how: Any) -> Subnet:
    """A subnet `subnet-name` in the zone, for load balancers of both kinds, with much room."""
    roles = ((names.TAG_ROLE_ELB, "1"), (names.TAG_ROLE_INTERNAL_ELB, "1"))
    settings: dict[str, Any] = {"zone": zone, "free_addresses": 99, "tags": roles}
    return Subnet(id=f"subnet-{name}", **(settings | how))


SUBNETS = (subnet("a", "a"), subnet("b", "b"))


def resolved(**found: Any) -> Resolved:
    """What AWS answers: two subnets, and what is said."""
    settings: dict[str, Any] = {"vpc": Vpc(id="vpc-1", cidrs=("10.0.0.0/16",)), "subnets": SUBNETS}
    return Resolved(**(settings | found))


def inputs(
    *members: Member,
    incumbent: ObservedStack | None = None,
    answers: Resolved | None = None,
    leaving: tuple[Ingress, ...] = (),
    **settings: Any,
) -> GroupInputs:
    """The group team with these members, in their order."""
    return GroupInputs(
        group=TEAM,
        config=config(**settings),
        members=in_order(members, incumbent),
        leaving=leaving,
        resolved=answers or resolved(),
        incumbent=incumbent,
    )


def certificate(arn: str, *hosts: str, authority: str = "") -> Certificate:
    """A certificate for these hosts."""
    return Certificate(arn=arn, hosts=hosts, authority=authority)


def told(problems: Iterable[Problem]) -> list[tuple[str, str]]:
    """Whose problems these are, and their reasons."""
    return [(problem.ref.name, problem.reason) for problem in problems]
