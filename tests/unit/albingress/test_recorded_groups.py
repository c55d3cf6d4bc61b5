"""Groups whose load balancers the original made: asked for as they are, before and after a take-over."""

import pytest

from addons.albingress.desired.groups import finalizer_of
from addons.albingress.desired.inputs import GroupInputs
from addons.albingress.desired.listeners import group_ports
from addons.albingress.desired.load_balancer import group_load_balancer
from addons.albingress.model.naming import TargetGroupIdentity, backend_group_name, target_group_name
from tests.support.recorded_groups import RECORDED, inputs_of, recorded, stack_of


@pytest.fixture(params=[(name, taken_over) for name in RECORDED for taken_over in (False, True)], ids=str)
def case(request: pytest.FixtureRequest) -> tuple[GroupInputs, GroupInputs]:
    """The group as it is to be read, and with what the original made of it."""
    name, taken_over = request.param
    return inputs_of(recorded(name), taken_over=taken_over), inputs_of(recorded(name), taken_over=True)


Case = tuple[GroupInputs, GroupInputs]


def test_the_load_balancer(case: Case) -> None:
    group, original = case
    found, made = group_load_balancer(group, group_ports(group)[0]), original.incumbent_load_balancer
    assert found.load_balancer
    assert made
    wanted = found.load_balancer
    assert (wanted.name, wanted.scheme, wanted.ip_address_type) == (
        made.name,
        made.scheme,
        made.ip_address_type,
    )
    assert wanted.subnets in ((), tuple(sorted(made.subnets)))
    assert (wanted.attributes, wanted.tags, found.problems) == (made.attributes, made.tags, ())


def test_its_security_groups(case: Case) -> None:
    group, original = case
    found, made = group_load_balancer(group, group_ports(group)[0]), original.incumbent_load_balancer
    stack = original.incumbent
    assert found.load_balancer and made and stack and stack.backend_group  # noqa: PT018
    managed = stack.security_groups[0] if found.security_group else None
    ids = (*([managed.id] if managed else ()), *found.load_balancer.security_groups)
    assert found.load_balancer.uses_backend_group
    assert {*ids, stack.backend_group.id} == set(made.security_groups)
    assert stack.backend_group.name == backend_group_name("demo")
    if managed and found.security_group:
        assert found.security_group.name == managed.name
        assert found.security_group.permissions == managed.permissions
        assert found.security_group.tags == managed.tags


def test_its_listeners(case: Case) -> None:
    group, original = case
    ports, problems = group_ports(group)
    made = original.incumbent_load_balancer
    assert made
    wanted = [port.listener(()) for port in ports]
    assert [
        (one.port, one.protocol, one.ssl_policy, one.attributes, one.tags, one.certificates[:1])
        for one in wanted
    ] == [
        (one.port, one.protocol, one.ssl_policy, one.attributes, one.tags, one.certificates[:1])
        for one in made.listeners
    ]
    assert [set(one.certificates) for one in wanted] == [set(one.certificates) for one in made.listeners]
    redirects = [one.default_actions for one in wanted if one.default_actions]
    assert redirects in ([], [made.listeners[0].default_actions])
    assert problems == ()


@pytest.mark.parametrize("name", RECORDED)
def test_target_groups_are_called_the_same(name: str) -> None:
    group = inputs_of(recorded(name), taken_over=True)
    stack = stack_of(recorded(name), group.members[0])
    for one in stack.target_groups:
        assert one.name in {
            target_group_name(
                "demo",
                group.group,
                TargetGroupIdentity(
                    ingress_namespace=member.key[0],
                    ingress=member.key[1],
                    service_namespace=service.metadata.namespace,
                    service=service.metadata.name,
                    service_uid=service.metadata.uid,
                    written_port=written,
                    port=one.port,
                    target_type=one.target_type,
                    protocol=one.protocol,
                    version=one.version,
                ),
            )
            for member in group.members
            for service in group.services.values()
            for port in service.spec.ports
            for written in (str(port.port), port.name)
        }


@pytest.mark.parametrize("name", RECORDED)
def test_finalizers_are_called_the_same(name: str) -> None:
    group = inputs_of(recorded(name), taken_over=True)
    for member in group.members:
        assert member.ingress.metadata.finalizers == (finalizer_of(group.group),)
