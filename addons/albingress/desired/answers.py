"""What a rule or a listener does with requests: log in, then forward, redirect or answer. Pure.

It fails closed: whatever is wrong with a login or a backend, nobody gets past a login that is asked for.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from addons.albingress import names
from addons.albingress.desired import annotations
from addons.albingress.desired.authentication import asks_for_authentication, desired_authentication
from addons.albingress.desired.backends import Backends, Protocol
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.not_usable import Faults, NotUsable, usable
from addons.albingress.desired.placeholders import placeholder
from addons.albingress.model.objects import IngressBackend
from addons.albingress.model.rules import Action, Redirect, Transform
from addons.albingress.model.stack import DesiredTargetGroup

_TO_HTTPS: Final = "HTTP_302"
"""Clients do not remember it, as they would HTTP_301."""


class Answering(Struct, frozen=True, kw_only=True):
    """The actions, with the target groups of ours that they need.

    `fault` is why they are not what was asked for. With `may_stay` in words, what AWS has is better where it
    has some. With `is_protected` nobody may get to targets without a login. `is_ours`: we made the redirect.
    """

    actions: tuple[Action, ...]
    transforms: tuple[Transform, ...] = ()
    groups: tuple[DesiredTargetGroup, ...] = ()
    secret: str = ""
    secret_digest: str = ""
    fault: NotUsable | None = None
    may_stay: str = ""
    is_protected: bool = False
    is_ours: bool = False

    def __repr__(self) -> str:
        return f"Answering({self.actions!r})"


class Answers:
    """Reads what the backends of one group come to on its listeners.

    `https_ports` names the HTTPS port on which an Ingress has its rules too, by `namespace/name`.
    """

    def __init__(
        self, inputs: GroupInputs, backends: Backends, faults: Faults, https_ports: Mapping[str, int]
    ) -> None:
        self._inputs = inputs
        self._backends = backends
        self._faults = faults
        self._https_ports = https_ports

    def read(
        self, member: Member, backend: IngressBackend, *, port: int, protocol: Protocol, place: str
    ) -> Answering:
        """What requests to a backend get on a listener: a 503 where they cannot get what was asked for."""
        is_protected = self.is_protected(member, backend, protocol)
        try:
            if protocol == "HTTP" and is_protected:
                return self._off_http(member, backend, port, place)
            return self._as_asked(member, backend, protocol, place, is_protected=is_protected)
        except NotUsable as fault:
            keeps = fault.is_gone or self._inputs.config.on_broken_rule == "keep"
            return Answering(
                actions=(placeholder(fault),),
                fault=fault,
                may_stay=str(fault) or "it cannot be read now" if keeps else "",
                is_protected=is_protected,
            )

    def is_protected(self, member: Member, backend: IngressBackend, protocol: Protocol) -> bool:
        """Whether nobody may get to a backend without a login or a token."""
        if protocol == "HTTP" and self._inputs.config.auth_on_http == "forward":
            return False
        return asks_for_authentication(member, self._backends.only_service(member, backend))

    def _as_asked(
        self, member: Member, backend: IngressBackend, protocol: Protocol, place: str, *, is_protected: bool
    ) -> Answering:
        service = self._backends.only_service(member, backend)
        login = desired_authentication(member, service, self._inputs) if protocol == "HTTPS" else None
        transforms = _transforms(member, backend)
        answer = self._backends.answer(member, backend, protocol, place)
        return Answering(
            actions=((login.action,) if login else ()) + (answer.action,),
            transforms=transforms,
            groups=answer.groups,
            secret=login.secret if login else "",
            secret_digest=login.secret_digest if login else "",
            may_stay=answer.because,
            is_protected=is_protected,
        )

    def _off_http(self, member: Member, backend: IngressBackend, port: int, place: str) -> Answering:
        """Nobody can log in over HTTP: clients are sent to where they can. A redirect needs no login."""
        wish = self._backends.wish(member, backend)
        if isinstance(wish, Redirect):
            return Answering(actions=(wish,), transforms=_transforms(member, backend))
        if https := self._https_ports.get(member.name):
            self._tell(member, port, f"redirected to HTTPS port {https}", place)
            redirect = Redirect(_TO_HTTPS, protocol="HTTPS", port=str(https))
            return Answering(actions=(redirect,), is_protected=True, is_ours=True)
        fault = NotUsable(
            _no_login(port) + ", or a port HTTPS to listen-ports",
            shown="login needs HTTPS",
            reason=names.UNPROTECTED_LISTENER,
        )
        return Answering(actions=(placeholder(fault),), fault=fault, is_protected=True)

    def _tell(self, member: Member, port: int, effect: str, place: str) -> None:
        self._faults.add(member.ref, names.UNPROTECTED_LISTENER, _no_login(port), effect=effect, place=place)


def _no_login(port: int) -> str:
    return f"authentication does not work on port {port}, which is HTTP; add {names.SSL_REDIRECT}"


def _transforms(member: Member, backend: IngressBackend) -> tuple[Transform, ...]:
    if not (service := backend.service):
        return ()
    return usable(annotations.TRANSFORMS.asked_by(member.ingress, suffix=service.name), ())
