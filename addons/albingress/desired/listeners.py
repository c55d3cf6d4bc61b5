"""The listeners of a group: ports, certificates, policies, attributes; rules come from elsewhere. Pure."""

from collections.abc import Iterable
from typing import Literal, cast

from msgspec import Struct

from addons.albingress import names
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.asked import Asked, Invalid
from addons.albingress.desired.certificates import listener_certificates
from addons.albingress.desired.exclusive import (
    asked_of,
    settle,
    with_effect,
)
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.listen_ports import ClientVerification, Protocol
from addons.albingress.desired.listener_attributes import attributes_of_nobody, listener_attributes
from addons.albingress.desired.ports import PortUse, SslRedirect, ssl_redirect, uses_of_ports
from addons.albingress.desired.tags import group_tags
from addons.albingress.model.elb import Listener
from addons.albingress.model.groups import Owner
from addons.albingress.model.rules import Action, Redirect
from addons.albingress.model.stack import DesiredListener, DesiredRule, Pairs
from addons.runtime.objects import Key
from addons.runtime.outcomes import Problem


class Port(Struct, frozen=True, kw_only=True):
    """A listener without its rules and default action.

    `members` have rules there, in this order; those of `kept` leave theirs as AWS has them. With a `redirect`
    nobody has rules there, and it is the default action. `incumbent` is the listener that AWS has.
    """

    port: int
    protocol: Protocol
    owner: Owner
    members: tuple[Member, ...]
    kept: frozenset[Key] = frozenset()
    redirect: Redirect | None = None
    incumbent: Listener | None = None
    certificates: tuple[str, ...] = ()
    certificate_owners: tuple[Owner, ...] = ()
    ssl_policy: str = ""
    mutual_authentication: Pairs = ()
    attributes: Pairs = ()
    tags: Pairs = ()
    state: Literal["ok", "keep"] = "ok"
    because: str = ""

    def listener(
        self,
        default_actions: tuple[Action, ...],
        rules: tuple[DesiredRule, ...] = (),
        *,
        secret: str = "",
        secret_digest: str = "",
    ) -> DesiredListener:
        """The whole listener; the secret is that of a login in the default actions."""
        return DesiredListener(
            port=self.port,
            protocol=self.protocol,
            owner=self.owner,
            default_actions=(self.redirect,) if self.redirect else default_actions,
            rules=() if self.redirect else rules,
            sends_to=int(self.redirect.port) if self.redirect else 0,
            certificates=self.certificates,
            certificate_owners=self.certificate_owners,
            ssl_policy=self.ssl_policy,
            mutual_authentication=self.mutual_authentication,
            attributes=self.attributes,
            tags=self.tags,
            state=self.state,
            because=self.because,
            default_secret=secret,
            default_secret_digest=secret_digest,
        )


def group_ports(inputs: GroupInputs) -> tuple[tuple[Port, ...], tuple[Problem, ...]]:
    """The ports of the group in ascending order, and what is wrong with what members ask for.

    An HTTPS port that has no certificate and never had one is not among them.
    """
    uses, faults = uses_of_ports(inputs)
    tls = {use.port.port: _tls(inputs, use) for use in uses if use.port.protocol == "HTTPS"}
    redirect = ssl_redirect(inputs, tls, {port for port, found in tls.items() if found.is_open})
    problems = [*faults, *redirect.problems]
    ports = []
    for use in uses:
        port, faults = _port(inputs, use, tls.get(use.port.port, _Tls()), redirect)
        ports += [port] if port else []
        problems += faults
    problems += attributes_of_nobody(inputs, uses)
    return tuple(ports), tuple(dict.fromkeys(problems))


def _port(
    inputs: GroupInputs, use: PortUse, tls: "_Tls", redirect: SslRedirect
) -> tuple[Port | None, tuple[Problem, ...]]:
    is_https = use.port.protocol == "HTTPS"
    if is_https and not tls.is_open:
        return _as_it_is(use), tls.problems
    incumbent = use.incumbent
    attributes = listener_attributes(use)
    tags, tag_faults = group_tags(
        inputs, use.members, str(use.port.port), incumbent.tags if incumbent else None
    )
    kept = frozenset(one.member.key for one in use.users if one.is_kept) | tls.unserved
    sends_on = not is_https and redirect.port > 0
    port = Port(
        port=use.port.port,
        protocol=use.port.protocol,
        owner=(use.askers or use.members)[0].owner,
        members=use.members,
        kept=kept if is_https else kept | {member.key for member in redirect.unserved},
        redirect=Redirect("HTTP_301", "HTTPS", port=str(redirect.port)) if sends_on else None,
        incumbent=incumbent,
        certificates=tls.certificates,
        certificate_owners=tls.owners,
        ssl_policy=tls.policy,
        mutual_authentication=tls.verification,
        attributes=attributes.pairs,
        tags=tags,
        state="ok" if use.askers else "keep",
        because="" if use.askers else "what its Ingresses ask for cannot be read",
    )
    return port, (*tls.problems, *attributes.problems, *tag_faults)


def _as_it_is(use: PortUse) -> Port | None:
    """A port that cannot be made as it is asked for: what AWS has there stays, if anything."""
    if use.incumbent is None:
        return None
    return Port(
        port=use.port.port,
        protocol=cast(Protocol, use.incumbent.protocol),
        owner=use.members[0].owner,
        members=use.members,
        kept=frozenset(member.key for member in use.members),
        incumbent=use.incumbent,
        tags=use.incumbent.tags,
        state="keep",
        because="it has no certificate",
    )


class _Tls(Struct, frozen=True):
    """What HTTPS needs; a port that is not `is_open` has no certificate, neither asked for nor in AWS."""

    is_open: bool = False
    certificates: tuple[str, ...] = ()
    owners: tuple[Owner, ...] = ()
    policy: str = ""
    verification: Pairs = ()
    unserved: frozenset[Key] = frozenset()
    problems: tuple[Problem, ...] = ()


def _tls(inputs: GroupInputs, use: PortUse) -> _Tls:
    incumbent, number = use.incumbent, use.port.port
    certificates = listener_certificates(inputs, use.members, incumbent)
    policies = [(one, asked_of(one, annotations.SSL_POLICY, class_params.SSL_POLICY)) for one in use.members]
    policy = settle(
        f"{annotations.SSL_POLICY.key} of port {number}",
        policies,
        (incumbent.ssl_policy or None) if incumbent else None,
    )
    wishes = [(one, _verification(one, number)) for one in use.members]
    verification = settle(
        f"{annotations.MUTUAL_AUTHENTICATION.key} of port {number}",
        wishes,
        incumbent.mutual_authentication if incumbent else None,
        show=lambda settings: dict(settings).get("Mode", "off"),
    )
    unread = (one for one, wish in wishes if isinstance(wish, Invalid))
    unverified = (one for one in verification.losers if (one, ()) not in wishes)
    told = with_effect(verification.problems, "till then nothing new of it is served on HTTPS")
    has = incumbent.certificates if incumbent else ()
    lacking = () if certificates.arns else _without_certificate(use, certificates.problems)
    return _Tls(
        bool(certificates.arns or has),
        certificates.arns,
        certificates.owners,
        policy.value or inputs.config.default_ssl_policy,
        verification.value or (),
        frozenset(one.key for one in (*unread, *unverified)),
        (*certificates.problems, *policy.problems, *told, *lacking),
    )


def _verification(member: Member, port: int) -> Asked[Pairs]:
    wish = asked_of(member, annotations.MUTUAL_AUTHENTICATION)
    if wish is None or isinstance(wish, Invalid):
        return wish
    found: dict[int, ClientVerification] = {one.port: one for one in wish}
    return found[port].settings if port in found else None


def _without_certificate(use: PortUse, told: Iterable[Problem]) -> Iterable[Problem]:
    """Nobody brings a certificate. Where that costs nobody anything those who are told already are enough."""
    is_served = use.incumbent is not None and use.incumbent.certificates
    if is_served and any(problem.reason == names.CERTIFICATE_MISSING for problem in told):
        return ()
    what = "stays as it is" if is_served else "is not opened"
    fault = (
        f"port {use.port.port} {what}: HTTPS needs a certificate, and there is none for it; "
        f"name one in the annotation {annotations.CERTIFICATE_ARN.name()}, or a host for which ACM has one"
    )
    return tuple(Problem(one.ref, names.CERTIFICATE_MISSING, fault) for one in use.members if not one.doubt)
