"""Which certificates an HTTPS listener has: those that are named, else those that fit the hosts. Pure."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from addons.albingress import names
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.asked import Invalid
from addons.albingress.desired.exclusive import asked_of, said_by
from addons.albingress.desired.inputs import GroupInputs, Member, Unresolved
from addons.albingress.model.elb import Listener
from addons.albingress.model.groups import Owner
from addons.albingress.model.network import Certificate
from addons.albingress.model.objects import Ingress
from addons.runtime.outcomes import Problem


class ListenerCertificates(Struct, frozen=True):
    """The ARNs for a listener, the default one first; none where nothing that can be used is asked for.

    `owners` are those who ask for each, the oldest where several do.
    """

    arns: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    owners: tuple[Owner, ...] = ()


class _Wish(Struct, frozen=True):
    """`is_unclear`: a part of it, or all, cannot be used; with `is_headless` its default certificate too."""

    arns: tuple[str, ...] = ()
    is_unclear: bool = False
    is_headless: bool = False
    is_found: bool = False
    problems: tuple[Problem, ...] = ()


def listener_certificates(
    inputs: GroupInputs, members: Iterable[Member], incumbent: Listener | None
) -> ListenerCertificates:
    """Those of all members that listen there; the first member that has any brings the default one.

    While one of them names what cannot be used, what the listener has stays beside what is asked for. A
    default certificate that was found by host stays the default one while it fits: a further one changes
    nothing.
    """
    listening = tuple(members)
    wishes = [_wish(inputs, member) for member in listening]
    has = incumbent.certificates if incumbent else ()
    first = next((wish for wish in wishes if wish.arns or wish.is_unclear), _Wish())
    leading = has[:1] if first.is_headless or (first.is_found and set(has[:1]) <= set(first.arns)) else ()
    asked = tuple(arn for wish in wishes for arn in wish.arns)
    kept = has if any(wish.is_unclear for wish in wishes) else ()
    problems = tuple(problem for wish in wishes for problem in wish.problems)
    arns = tuple(dict.fromkeys((*leading, *asked, *kept)))
    return ListenerCertificates(arns, problems, tuple(_owner(arn, listening, wishes) for arn in arns))


def _owner(arn: str, members: Sequence[Member], wishes: Sequence[_Wish]) -> Owner:
    """The oldest of those who ask for a certificate; of all, where nobody does any more."""
    asking = [member.owner for member, wish in zip(members, wishes, strict=True) if arn in wish.arns]
    return min(asking or [member.owner for member in members], key=lambda owner: owner.age_order)


def hosts_of(ingress: Ingress) -> tuple[str, ...]:
    """The host names for which an Ingress needs certificates, sorted and in lower case."""
    named = {rule.host for rule in ingress.spec.rules}
    named |= {host for tls in ingress.spec.tls for host in tls.hosts}
    return tuple(sorted({host.lower() for host in named if host}))


def needs_discovery(member: Member) -> bool:
    """Whether certificates have to be looked for by host: no annotation and no class names one."""
    return asked_of(member, annotations.CERTIFICATE_ARN, class_params.CERTIFICATE_ARN) is None


def _wish(inputs: GroupInputs, member: Member) -> _Wish:
    asked = asked_of(member, annotations.CERTIFICATE_ARN, class_params.CERTIFICATE_ARN)
    if isinstance(asked, Invalid):
        return _Wish(is_unclear=True, is_headless=True, problems=asked.problems)
    if asked is None:
        return _discovered(inputs, member)
    refusals = {arn: _refusal(inputs, arn) for arn in asked}
    who, where = said_by(member, annotations.CERTIFICATE_ARN, class_params.CERTIFICATE_ARN)
    return _Wish(
        tuple(arn for arn, why in refusals.items() if not why),
        is_unclear=any(refusals.values()),
        is_headless=bool(refusals[asked[0]]),
        problems=tuple(
            Problem(who, names.CERTIFICATE_MISSING, f"{where}: {arn} is left out: {why}; name another one")
            for arn, why in refusals.items()
            if why
        ),
    )


def _refusal(inputs: GroupInputs, arn: str) -> str:
    if not arn.startswith("arn:"):
        return "it is not an ARN"
    return inputs.resolved.refused_certificates.get(arn, "")


def _discovered(inputs: GroupInputs, member: Member) -> _Wish:
    known, hosts = inputs.resolved.certificates, hosts_of(member.ingress)
    if isinstance(known, Unresolved):
        fault = f"certificates for {', '.join(hosts)} cannot be looked for: {known.message}"
        return _Wish(
            is_unclear=True, is_headless=True, problems=(_missing(member, f"{fault}; they stay as they are"),)
        )
    authorities = inputs.config.allowed_certificate_authority_arns
    usable = [one for one in known if not authorities or one.authority in authorities]
    found = {host: [one.arn for one in usable if _fits(one, host)] for host in hosts}
    lacking = ", ".join(host for host, arns in found.items() if not arns)
    fault = (
        f"no certificate that is issued fits {lacking}; make one in ACM, or name one in the annotation "
        f"{annotations.CERTIFICATE_ARN.name()}"
    )
    return _Wish(
        tuple(sorted({arn for arns in found.values() for arn in arns})),
        is_found=True,
        problems=(_missing(member, fault),) if lacking else (),
    )


def _fits(certificate: Certificate, host: str) -> bool:
    parent = host.partition(".")[2]
    return any(name.lower() in (host, f"*.{parent}" if parent else host) for name in certificate.hosts)


def _missing(member: Member, fault: str) -> Problem:
    return Problem(member.ref, names.CERTIFICATE_MISSING, fault)
