"""The certificates of a listener: new ones come before old ones go, so each name has one at any moment."""

from collections.abc import Iterable

from msgspec import Struct

from addons.albingress.model.actions import (
    AddListenerCertificates,
    AwsAction,
    RemoveListenerCertificates,
)
from addons.albingress.model.elb import Listener
from addons.albingress.model.stack import DesiredListener
from addons.albingress.plan.view import View


class CertificatePlan(Struct, frozen=True):
    """What comes before the default certificate changes, and after."""

    before: tuple[AwsAction, ...] = ()
    after: tuple[AwsAction, ...] = ()


def plan_certificates(
    listener: str, wish: DesiredListener, there: Listener, tls_key: str, view: View
) -> CertificatePlan:
    """Change those that a listener has beside its default one. `tls_key` changes that one, if it does.

    A default certificate that becomes one of the others is added to them first: AWS would drop it. Where
    there is no room for all, those go first that are not asked for.
    """
    if wish.protocol != "HTTPS" or not wish.certificates:
        return CertificatePlan()
    tls = (tls_key,) if tls_key else ()
    if there.protocol != "HTTPS":
        return CertificatePlan((), _add(listener, wish, wish.certificates[1:], tls))
    missing, others = _missing(wish, there), there.certificates[1:]
    over = () if view.retained else tuple(sorted(set(others) - set(wish.certificates)))
    if len(others) + len(missing) > view.quotas.certificates:
        removed = _remove(listener, wish, over, ())
        return CertificatePlan((*removed, *_add(listener, wish, missing, _keys(removed))))
    added = _add(listener, wish, missing, ())
    return CertificatePlan(added, _remove(listener, wish, over, (*_keys(added), *tls)))


def _missing(wish: DesiredListener, there: Listener) -> tuple[str, ...]:
    """Those to be added, among them a default one that is to be the default one no more."""
    default, others = there.certificates[:1], there.certificates[1:]
    known = others if wish.certificates[:1] != default else there.certificates
    return tuple(each for each in wish.certificates[1:] if each not in known)


def _keys(actions: Iterable[AwsAction]) -> tuple[str, ...]:
    return tuple(each.key for each in actions)


def _add(
    listener: str, wish: DesiredListener, certificates: tuple[str, ...], needs: tuple[str, ...]
) -> tuple[AddListenerCertificates, ...]:
    if not certificates:
        return ()
    action = AddListenerCertificates(
        key=f"certificates/{listener}",
        ref=wish.owner.ref,
        because=f"{len(certificates)} certificates are asked for that {listener} does not have",
        needs=needs,
        listener=listener,
        certificates=certificates,
    )
    return (action,)


def _remove(
    listener: str, wish: DesiredListener, certificates: tuple[str, ...], needs: tuple[str, ...]
) -> tuple[RemoveListenerCertificates, ...]:
    if not certificates:
        return ()
    action = RemoveListenerCertificates(
        key=f"certificates/{listener}/unwanted",
        ref=wish.owner.ref,
        because=f"{len(certificates)} certificates of {listener} are asked for no more",
        needs=needs,
        listener=listener,
        certificates=certificates,
    )
    return (action,)
