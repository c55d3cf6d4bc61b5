"""All that an ingress group asks for, and every fault in how it is asked. Pure."""

from collections.abc import Iterable, Sequence

from addons.albingress import names
from addons.albingress.desired.answers import Answers
from addons.albingress.desired.backends import Backends
from addons.albingress.desired.default_actions import default_answering
from addons.albingress.desired.incumbents import IncumbentRules
from addons.albingress.desired.inputs import GroupInputs
from addons.albingress.desired.listeners import Port, group_ports
from addons.albingress.desired.load_balancer import GroupLoadBalancer, group_load_balancer
from addons.albingress.desired.not_usable import Faults
from addons.albingress.desired.rules import ListenerRules
from addons.albingress.desired.shadows import Shadows
from addons.albingress.desired.unused_annotations import unused_annotations
from addons.albingress.model.stack import DesiredListener, DesiredTargetGroup, Stack
from addons.runtime.outcomes import Problem


def desired_stack(inputs: GroupInputs) -> tuple[Stack, tuple[Problem, ...]]:
    """The stack of a group, with the problems of its members and of what they refer to, sorted.

    One that is in order is not changed by the faults of others. With `strict` nothing of the group may be
    changed while there is any.
    """
    ports, port_problems = group_ports(inputs)
    balancer = group_load_balancer(inputs, ports)
    faults = Faults()
    faults.tell(problem for member in inputs.members for problem in member.problems)
    faults.tell((*port_problems, *balancer.problems))
    listeners, groups = _listeners(inputs, ports, faults, is_dual_stack=_is_dual_stack(inputs, balancer))
    faults.tell(unused_annotations(inputs, faults.problems))
    problems = faults.problems
    stack = Stack(
        group=inputs.group,
        load_balancer=balancer.load_balancer,
        security_group=balancer.security_group,
        listeners=listeners,
        target_groups=groups,
        members=tuple(member.ref for member in inputs.members),
        held=balancer.held or (_strictly(problems) if inputs.config.strict else ""),
    )
    return stack, problems


def _listeners(
    inputs: GroupInputs, ports: Sequence[Port], faults: Faults, *, is_dual_stack: bool
) -> tuple[tuple[DesiredListener, ...], tuple[DesiredTargetGroup, ...]]:
    """The listeners with their rules, and the target groups that anything leads to, by name."""
    incumbents, https = IncumbentRules(inputs.incumbent), _https_ports(ports)
    answers = Answers(inputs, Backends(inputs, faults, is_dual_stack=is_dual_stack), faults, https)
    unheard = Faults()
    silent = Answers(inputs, Backends(inputs, unheard, is_dual_stack=is_dual_stack), unheard, https)
    reader = ListenerRules(inputs, answers=answers, unheard=silent, incumbents=incumbents, faults=faults)
    listeners = []
    for port in ports:
        if port.redirect:
            _hide_behind(port, port.redirect.port, ports, reader.shadows)
            listeners.append(port.listener(()))
            continue
        found = default_answering(
            answers,
            silent,
            incumbents,
            faults,
            port=port.port,
            protocol=port.protocol,
            members=port.members,
            kept=port.kept,
        )
        reader.groups |= {group.name: group for group in found.groups}
        rules = reader.read(port.port, port.protocol, port.members, port.kept)
        listeners.append(
            port.listener(found.actions, rules, secret=found.secret, secret_digest=found.secret_digest)
        )
    faults.tell(reader.shadows.problems())
    return tuple(listeners), tuple(reader.groups[name] for name in sorted(reader.groups))


def _hide_behind(port: Port, to: str, ports: Iterable[Port], shadows: Shadows) -> None:
    """Everybody is sent to another port, once that is open."""
    if any(each.incumbent and str(each.port) == to for each in ports):
        where = f"port {port.port} sends everybody to HTTPS port {to}; add that to listen-ports"
        shadows.hide_all((one for one in port.members if not one.doubt), where)


def _https_ports(ports: Iterable[Port]) -> dict[str, int]:
    """For each Ingress with its rules on HTTPS too, the port to send clients to: 443 if it is one."""
    found: dict[str, int] = {}
    for port in sorted(ports, key=lambda each: (each.port != 443, each.port)):
        if port.protocol == "HTTPS":
            for member in port.members:
                if member.key not in port.kept:
                    found.setdefault(member.name, port.port)
    return found


def _is_dual_stack(inputs: GroupInputs, balancer: GroupLoadBalancer) -> bool:
    found = balancer.load_balancer or inputs.incumbent_load_balancer
    return found is not None and found.ip_address_type.startswith("dualstack")


def _strictly(problems: Sequence[Problem]) -> str:
    """Why a strict group is held; what the original says nothing about holds nothing."""
    if not (grave := [each for each in problems if each.reason not in names.ADVICE]):
        return ""
    count, first = "1 problem" if len(grave) == 1 else f"{len(grave)} problems", grave[0]
    why = f"--strict changes nothing of a group with a problem; it has {count}"
    return f"{why}: {first.ref}: {first.message}"
