"""The certificates of a listener: new ones come before old ones go, so each name has one at any moment."""

from msgspec import Struct

from addons.albingress.model.actions import (
    AddListenerCertificates,
    AwsAction,
    RemoveListenerCertificates,
)
from addons.albingress.model.elb import Listener
from addons.albingress.model.stack import DesiredListener


class CertificatePlan(Struct, frozen=True):
    """What comes before the default certificate changes, and after."""

    before: tuple[AwsAction, ...] = ()
    after: tuple[AwsAction, ...] = ()


def plan_certificates(
    listener: str, wish: DesiredListener, there: Listener, tls_key: str, *, keeps: bool
) -> CertificatePlan:
    """Change those that a listener has beside its default one. `tls_key` changes that one, if it does.

    A default certificate that becomes one of the others is added to them first: AWS would drop it.
    """
    if wish.protocol != "HTTPS" or not wish.certificates:
        return CertificatePlan()
    asked, is_https = wish.certificates, there.protocol == "HTTPS"
    new_default = is_https and asked[:1] != there.certificates[:1]
    demoted = there.certificates[:1] if new_default else ()
    missing = tuple(
        each for each in asked[1:] if each not in there.certificates or each in demoted or not is_https
    )
    over = tuple(sorted(set(there.certificates[1:]) - set(asked))) if is_https and not keeps else ()
    ref = wish.owner.ref
    added = [
        AddListenerCertificates(
            key=f"certificates/{listener}",
            ref=ref,
            because=f"{len(missing)} certificates are asked for that {listener} does not have",
            needs=() if is_https or not tls_key else (tls_key,),
            listener=listener,
            certificates=missing,
        )
        for _ in missing[:1]
    ]
    needs = (*(each.key for each in added), *([tls_key] if tls_key else []))
    removed = [
        RemoveListenerCertificates(
            key=f"certificates/{listener}/unwanted",
            ref=ref,
            because=f"{len(over)} certificates of {listener} are asked for no more",
            needs=needs,
            listener=listener,
            certificates=over,
        )
        for _ in over[:1]
    ]
    return CertificatePlan(tuple(added), tuple(removed)) if is_https else CertificatePlan((), tuple(added))
