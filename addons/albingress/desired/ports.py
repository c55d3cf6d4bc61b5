"""On which ports each member of a group listens. Pure."""

from collections.abc import Collection, Iterable
from typing import cast

from msgspec import Struct

from addons.albingress import names
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.asked import Asked, Invalid
from addons.albingress.desired.exclusive import asked_of, said_by, settle
from addons.albingress.desired.incumbents import RuleHolders
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.listen_ports import ListenPort, Protocol
from addons.albingress.model.elb import Listener
from addons.albingress.model.rules import Redirect
from addons.runtime.outcomes import Problem

_HTTP, _HTTPS = ListenPort(80, "HTTP"), ListenPort(443, "HTTPS")


class Listening(Struct, frozen=True):
    """A member on a port. With `is_kept` its rules there stay as AWS has them, and nothing new is made."""

    member: Member
    port: ListenPort
    is_kept: bool = False


class PortUse(Struct, frozen=True):
    """A port with those who listen there, in their order, and the listener that AWS has."""

    port: ListenPort
    users: tuple[Listening, ...]
    incumbent: Listener | None

    @property
    def members(self) -> tuple[Member, ...]:
        """Those whose rules stand there."""
        return tuple(use.member for use in self.users)

    @property
    def askers(self) -> tuple[Member, ...]:
        """Those who ask for the port, not only have rules there."""
        return tuple(use.member for use in self.users if not use.is_kept)


def incumbent_listener(inputs: GroupInputs, port: int) -> Listener | None:
    """The listener that AWS has on a port of the load balancer that serves the group."""
    load_balancer = inputs.incumbent_load_balancer
    listeners = load_balancer.listeners if load_balancer else ()
    return next((one for one in listeners if one.port == port), None)


def uses_of_ports(inputs: GroupInputs) -> tuple[tuple[PortUse, ...], tuple[Problem, ...]]:
    """Every port that members listen on, in ascending order, each with one protocol."""
    problems: list[Problem] = []
    found: list[Listening] = []
    holders = RuleHolders.of(inputs)
    for member in inputs.members:
        listening, faults = _listening(member, holders)
        found += listening
        problems += faults
    uses = []
    for number in sorted({one.port.port for one in found}):
        use, faults = _with_one_protocol(inputs, number, [one for one in found if one.port.port == number])
        uses.append(use)
        problems += faults
    return tuple(uses), tuple(problems)


class SslRedirect(Struct, frozen=True):
    """The HTTPS port to which all HTTP ports send everybody, 0 where nobody asks for that.

    `unserved` ask for it in a way that cannot be used: they are not to be served without it.
    """

    port: int
    unserved: tuple[Member, ...]
    problems: tuple[Problem, ...]


def ssl_redirect(inputs: GroupInputs, https: Iterable[int], opened: Collection[int]) -> SslRedirect:
    """What becomes of requests by HTTP. One can go only to an HTTPS port of the group that is `opened`."""
    asked = sorted(https)
    wishes = [(one, _redirect_wish(one, asked, opened, inputs.resolved.unopened)) for one in inputs.members]
    now = _redirect_now(inputs)
    usable = set(opened) - inputs.resolved.unopened
    settled = settle(annotations.SSL_REDIRECT.key, wishes, now if now in usable else None, str)
    unserved = tuple(member for member, wish in wishes if isinstance(wish, Invalid))
    return SslRedirect(settled.value or 0, () if settled.value else unserved, settled.problems)


def _redirect_wish(
    member: Member, https: Collection[int], opened: Collection[int], unopened: Collection[int]
) -> Asked[int]:
    port = asked_of(member, annotations.SSL_REDIRECT, class_params.SSL_REDIRECT)
    if port is None or isinstance(port, Invalid) or (port in opened and port not in unopened):
        return port
    has = ", ".join(map(str, https)) or "none"
    fault = f"{port} is not an HTTPS port of the group ({has}); add it to {annotations.LISTEN_PORTS.key}"
    if port in opened:
        fault = f"port {port} is not open: AWS did not make its listener"
    elif port in https:
        fault = f"port {port} has no certificate; name one in {annotations.CERTIFICATE_ARN.key}"
    who, where = said_by(member, annotations.SSL_REDIRECT, class_params.SSL_REDIRECT)
    return Invalid(who, where, f"{fault}; till then nothing new of it is served on HTTP")


def _redirect_now(inputs: GroupInputs) -> int | None:
    load_balancer = inputs.incumbent_load_balancer
    for listener in load_balancer.listeners if load_balancer else ():
        for action in listener.default_actions:
            if _is_ssl_redirect(listener, action) and isinstance(action, Redirect):
                return int(action.port)
    return None


def _is_ssl_redirect(listener: Listener, action: object) -> bool:
    return (
        listener.protocol == "HTTP"
        and isinstance(action, Redirect)
        and (action.status, action.protocol) == ("HTTP_301", "HTTPS")
        and action.port.isdecimal()
    )


def _listening(member: Member, holders: RuleHolders) -> tuple[list[Listening], tuple[Problem, ...]]:
    asked = asked_of(member, annotations.LISTEN_PORTS)
    if isinstance(asked, Invalid):
        found = [
            Listening(member, _port_of(one), is_kept=bool(member.doubt) or one not in holders.sure(member))
            for one in holders.possible(member)
        ]
        return found, _told_with_ports(asked, found)
    certificates = asked_of(member, annotations.CERTIFICATE_ARN, class_params.CERTIFICATE_ARN)
    ports = asked or ((_HTTP,) if certificates is None else (_HTTPS,))
    if asked is not None or not isinstance(certificates, Invalid):
        return [Listening(member, port) for port in ports], ()
    standing = tuple(map(_port_of, holders.sure(member)))
    return [Listening(member, port) for port in standing or ports], certificates.problems


def _port_of(listener: Listener) -> ListenPort:
    return ListenPort(listener.port, cast(Protocol, listener.protocol))


def _told_with_ports(fault: Invalid, found: list[Listening]) -> tuple[Problem, ...]:
    ports = ", ".join(str(one.port.port) for one in found)
    what = f"it stays on the ports that it has ({ports})" if found else "it is served on no port"
    return tuple(Problem(one.ref, one.reason, f"{one.message}; {what}") for one in fault.problems)


def _with_one_protocol(
    inputs: GroupInputs, number: int, users: list[Listening]
) -> tuple[PortUse, tuple[Problem, ...]]:
    incumbent = incumbent_listener(inputs, number)
    wishes = [(one.member, one.port.protocol) for one in users if not one.is_kept]
    settled = settle(f"the protocol of port {number}", wishes, incumbent.protocol if incumbent else None)
    protocol = cast(Protocol, settled.value or users[0].port.protocol)
    served = tuple(one for one in users if one.port.protocol == protocol or protocol == "HTTPS")
    shut_out = tuple(
        Problem(
            one.member.ref,
            names.CONFLICTING_SETTING,
            f"annotation {annotations.LISTEN_PORTS.name()}: port {number} is an HTTP port of the group, where"
            " who asks for HTTPS is not served; ask for another port",
        )
        for one in users
        if one not in served
    )
    return PortUse(ListenPort(number, protocol), served, incumbent), (*settled.problems, *shut_out)
