"""Words for tests of rules: Ingresses with paths, Services, and what the rules of a listener come to."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from addons.albingress import names
from addons.albingress.desired.answers import Answers
from addons.albingress.desired.backends import Backends
from addons.albingress.desired.incumbents import IncumbentRules
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.not_usable import Faults
from addons.albingress.desired.rules import ListenerRules
from addons.albingress.desired.stack import desired_stack
from addons.albingress.model.elb import Listener, LoadBalancer, ObservedStack, Rule, TargetGroup
from addons.albingress.model.objects import (
    BackendPort,
    BackendService,
    FinalizedMeta,
    Ingress,
    IngressBackend,
    IngressHttp,
    IngressPath,
    IngressRule,
    IngressSpec,
    Secret,
    Service,
    ServicePort,
    ServiceSpec,
)
from addons.albingress.model.rules import (
    Action,
    AuthenticateOidc,
    FixedResponse,
    Forward,
    Redirect,
    RuleContent,
    WeightedTarget,
)
from addons.albingress.model.stack import DesiredRule, DesiredTargetGroup, HealthCheck, Stack
from addons.runtime.objects import ObjectMeta
from addons.runtime.outcomes import Problem
from tests.support.alb_groups import BORN, TEAM, class_params, config, resolved

Port = int | str


def backend(service: str = "web", port: Port = 80) -> IngressBackend:
    """A port of a Service; `use-annotation` as the port means an action by annotation."""
    if isinstance(port, str):
        return IngressBackend(service=BackendService(name=service, port=BackendPort(name=port)))
    return IngressBackend(service=BackendService(name=service, port=BackendPort(number=port)))


def path(text: str = "/", service: str = "web", port: Port = 80, *, kind: str = "Prefix") -> IngressPath:
    """A path that leads to a port of a Service."""
    return IngressPath(path=text, path_type=kind, backend=backend(service, port))


def rule(host: str, *paths: IngressPath) -> IngressRule:
    """A host with its paths."""
    return IngressRule(host=host, http=IngressHttp(paths=paths or (path(),)))


def member(
    name: str,
    *rules: IngressRule,
    said: Mapping[str, Any] | None = None,
    default: IngressBackend | None = None,
    params: Any = None,
    order: int | None = 0,
    doubt: str = "",
    problems: tuple[Problem, ...] = (),
) -> Member:
    """A member of the group team in the namespace shop; without rules it has the host `NAME.org`.

    `said` are annotations without our prefix, what is no text among them as JSON.
    """
    texts = {key: text if isinstance(text, str) else json.dumps(text) for key, text in (said or {}).items()}
    meta = FinalizedMeta(
        name=name,
        namespace="shop",
        uid=f"uid-{name}",
        annotations={names.PREFIX + key: text for key, text in texts.items()},
        creation_timestamp=BORN,
    )
    spec = IngressSpec(rules=rules or (rule(f"{name}.org"),), default_backend=default)
    return Member(
        ingress=Ingress(metadata=meta, spec=spec),
        group=TEAM,
        params=class_params(params) if params is not None else None,
        order=order,
        doubt=doubt,
        problems=problems,
    )


def service(
    name: str = "web",
    *ports: ServicePort,
    kind: str = "NodePort",
    said: Mapping[str, Any] | None = None,
    families: tuple[str, ...] = ("IPv4",),
) -> Service:
    """A Service of the namespace shop with the port 80, which is 8080 of pods and 30080 of nodes."""
    texts = {key: text if isinstance(text, str) else json.dumps(text) for key, text in (said or {}).items()}
    meta = ObjectMeta(
        name=name,
        namespace="shop",
        uid=f"uid-{name}",
        annotations={names.PREFIX + key: text for key, text in texts.items()},
    )
    usual = (ServicePort(name="http", port=80, target_port=8080, node_port=30080),)
    return Service(metadata=meta, spec=ServiceSpec(type=kind, ports=ports or usual, ip_families=families))


OIDC = {
    "issuer": "https://idp.org",
    "authorizationEndpoint": "https://idp.org/a",
    "tokenEndpoint": "https://idp.org/t",
    "userInfoEndpoint": "https://idp.org/u",
    "secretName": "login",
}
LOGIN = {"auth-type": "oidc", "auth-idp-oidc": OIDC}
"""Annotations that ask for a login."""


def secret(name: str = "login", data: Mapping[str, bytes] | None = None) -> Secret:
    """A Secret of the namespace shop with an OpenID client."""
    known = data or {"clientID": b"us", "clientSecret": b"hunter2"}
    return Secret(metadata=ObjectMeta(name=name, namespace="shop"), data=known)


def inputs(
    *members: Member,
    services: Iterable[Service] | None = None,
    secrets: Iterable[Secret] = (),
    unread: Mapping[str, str] | None = None,
    gone: Iterable[str] = (),
    target_groups: Mapping[str, Any] | None = None,
    answers: Mapping[str, Any] | None = None,
    incumbent: ObservedStack | None = None,
    **settings: Any,
) -> GroupInputs:
    """The group team with these members in this order; the Service web is there unless others are given."""
    there = (service(),) if services is None else services
    return GroupInputs(
        group=TEAM,
        config=config(**settings),
        members=members,
        services={("shop", each.metadata.name): each for each in there},
        secrets={("shop", each.metadata.name): each for each in secrets},
        unread_secrets={("shop", name): why for name, why in (unread or {}).items()},
        recently_gone=frozenset(("shop", name) for name in gone),
        resolved=resolved(target_groups=target_groups or {}, **(answers or {})),
        incumbent=incumbent,
    )


class Found:
    """The rules of one listener, with the problems and target groups that come with them."""

    def __init__(
        self, given: GroupInputs, *, port: int, protocol: Any, https: Mapping[str, int], dual_stack: bool
    ) -> None:
        faults = Faults()
        answers = Answers(given, Backends(given, faults, is_dual_stack=dual_stack), faults, https)
        unheard = Answers(given, Backends(given, Faults(), is_dual_stack=dual_stack), Faults(), https)
        reader = ListenerRules(
            given,
            answers=answers,
            unheard=unheard,
            incumbents=IncumbentRules(given.incumbent),
            faults=faults,
        )
        self.rules: tuple[DesiredRule, ...] = reader.read(port, protocol, given.members)
        self.problems: tuple[Problem, ...] = faults.problems
        self.groups: dict[str, DesiredTargetGroup] = reader.groups

    def of(self, name: str) -> tuple[DesiredRule, ...]:
        """The rules of one Ingress."""
        return tuple(each for each in self.rules if each.key.ingress == f"shop/{name}")

    @property
    def said(self) -> list[str]:
        """What each rule comes to: for which host and path, its state unless it is ok, and its actions."""
        return [in_words(each) for each in self.rules]

    def message(self, name: str) -> str:
        """The one problem of an Ingress."""
        (found,) = [each.message for each in self.problems if each.ref.name == name]
        return found


def rules(
    *members: Member,
    port: int = 80,
    protocol: str = "HTTP",
    https: Mapping[str, int] | None = None,
    dual_stack: bool = False,
    **given: Any,
) -> Found:
    """The rules of a listener on which all members are."""
    return Found(
        inputs(*members, **given), port=port, protocol=protocol, https=https or {}, dual_stack=dual_stack
    )


def https(*members: Member, **given: Any) -> Found:
    """The rules of the listener HTTPS 443, on which all members are."""
    ports = {each.name: 443 for each in members}
    return rules(*members, port=443, protocol="HTTPS", https=ports, **given)


def in_words(each: DesiredRule) -> str:
    """A rule in one line, such as `a.org/x -> web:80`."""
    head = f"{each.key.host or '*'}{each.key.path}"
    state = "" if each.state == "ok" else f" {each.state}"
    if each.content is None:
        return f"{head}{state}"
    return f"{head}{state} -> {' then '.join(map(_action, each.content.actions))}"


def _action(action: Action) -> str:
    match action:
        case Forward():
            return "+".join(_target(each, alone=len(action.targets) == 1) for each in action.targets)
        case Redirect():
            return f"redirect {action.protocol} {action.port}"
        case FixedResponse():
            return action.status
        case _:
            return "login" if isinstance(action, AuthenticateOidc) else type(action).__name__


def _target(target: WeightedTarget, *, alone: bool) -> str:
    name = target.group.split("-")[2] if target.group.startswith("k8s-") else target.group
    return name if alone else f"{target.weight}*{name}"


def standing(*found: Rule, port: int = 80, groups: Iterable[TargetGroup] = (), **how: Any) -> ObservedStack:
    """A load balancer with one listener that has these rules."""
    usual: dict[str, Any] = {
        "protocol": "HTTP" if port == 80 else "HTTPS",
        "default_actions": (FixedResponse("404", "text/plain"),),
    }
    listener = Listener(arn=f"listener-{port}", port=port, rules=found, **(usual | how))
    balancer = LoadBalancer(
        arn="lb",
        name="lb",
        dns_name="",
        scheme="internal",
        ip_address_type="ipv4",
        subnets=(),
        security_groups=(),
        listeners=(listener,),
    )
    return ObservedStack(group=TEAM, load_balancers=(balancer,), target_groups=tuple(groups))


def stands(wanted: DesiredRule, *actions: Action, tagged: bool = True, priority: int = 1) -> Rule:
    """A rule as AWS has it, as it was wanted or with other actions; one of the original is not tagged."""
    assert wanted.content is not None
    content = RuleContent(wanted.content.conditions, actions or wanted.content.actions)
    tags = ((names.TAG_RULE, wanted.key.digest),) if tagged else ()
    return Rule(arn=f"rule-{priority}", priority=priority, content=content, tags=tags)


def group_of_original(name: str, resource: str) -> TargetGroup:
    """A target group that the original made."""
    return TargetGroup(
        arn=f"arn:{name}",
        name=name,
        protocol="HTTP",
        version="HTTP1",
        port=80,
        target_type="instance",
        ip_address_type="ipv4",
        health=HealthCheck(protocol="HTTP", path="/", matcher="200"),
        tags=((names.TAG_RESOURCE, resource),),
    )


def stack_of(*members: Member, **given: Any) -> tuple[Stack, tuple[Problem, ...]]:
    """The whole stack of these members, with its problems."""
    return desired_stack(inputs(*members, **given))
