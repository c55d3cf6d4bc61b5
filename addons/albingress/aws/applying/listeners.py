"""Listeners, their certificates and attributes."""

from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from addons.albingress.aws.applying.singly import all_or_each
from addons.albingress.aws.applying.work import Item, Work, spec_of, without_spec
from addons.albingress.aws.translate.balancers import changed, pairs_from_api, pairs_to_api, tags_to_api
from addons.albingress.aws.translate.rules import default_actions_to_api, listener_from_api, listener_to_api
from addons.albingress.model.actions import (
    AddListenerCertificates,
    CreateListener,
    DeleteListener,
    ModifyListener,
    ModifyListenerAttributes,
    RemoveListenerCertificates,
)
from addons.albingress.model.elb import Listener, LoadBalancer
from addons.albingress.model.stack import DesiredListener, Pairs
from addons.albingress.names import TAG_SPEC
from addons.runtime.errors import AlreadyExists, NotFound


async def create(work: Work, action: CreateListener) -> None:
    """Open a port with its certificates and attributes, without its rules.

    The digest vouches for the attributes: it is set when they are.
    """
    wanted = action.listener
    balancer = work.load_balancer(action.load_balancer)
    tags = without_spec(wanted.tags) if wanted.attributes else wanted.tags
    said = listener_to_api(wanted) | default_actions_to_api(
        wanted, work.target_group_arn, secret=wanted.default_secret
    )

    async def once() -> Item:
        return await work.elb("create_listener", LoadBalancerArn=balancer.arn, **tags_to_api(tags), **said)

    try:
        item = (await work.seen(once, balancer.arn, *work.target_group_arns(wanted.default_actions)))[
            "Listeners"
        ][0]
        listener = listener_from_api(item, work.door.snapshot.name_of, tags)
    except AlreadyExists:
        listener = await _adopt(work, balancer, wanted)
    work.made(listener)
    await _add(work, listener, [each for each in wanted.certificates if each not in listener.certificates])
    if wanted.attributes:
        await _set_attributes(work, listener.arn, wanted.attributes)
        await _vouch(work, listener.arn, spec_of(wanted.tags))


async def _adopt(work: Work, balancer: LoadBalancer, wanted: DesiredListener) -> Listener:
    """Give the listener that the port has already: it is ours, as its load balancer is."""
    items = await work.door.reading.listeners(balancer.arn)
    item = next((each for each in items if each["Port"] == wanted.port), None)
    if item is None:
        raise NotFound(f"{balancer.name}:{wanted.port}: no such listener", code="ListenerNotFound")
    arn = item["ListenerArn"]
    tags = (await work.door.reading.tags_of([arn])).get(arn, ())
    listener = listener_from_api(item, work.door.snapshot.name_of, tags)
    work.made(listener)
    present = (listener.protocol, listener.certificates[:1], listener.default_actions)
    if present != (wanted.protocol, wanted.certificates[:1], wanted.default_actions):
        raise AlreadyExists(
            f"{balancer.name}:{wanted.port}: there is a listener with other settings", code="OtherListener"
        )
    return listener


async def _vouch(work: Work, arn: str, spec: Pairs) -> None:
    """Set the digest of what was just done, which a restart then believes."""
    if spec:
        await work.elb("add_tags", ResourceArns=[arn], Tags=pairs_to_api(spec))
        listener = work.own(Listener, arn)
        work.changed(replace(listener, tags=changed(listener.tags, dict(spec))))


async def modify(work: Work, action: ModifyListener) -> None:
    """Change protocol, policy, default certificate or default action of a port."""
    wanted = action.listener
    listener = work.listener(f"{action.load_balancer}:{wanted.port}")
    said = listener_to_api(wanted, listener.mutual_authentication) if "tls" in action.parts else {}
    if "default" in action.parts:
        is_known = wanted.default_secret_digest in dict(listener.tags).get(TAG_SPEC, "")
        secret = "" if is_known else wanted.default_secret
        said |= default_actions_to_api(wanted, work.target_group_arn, secret=secret)

    async def once() -> Item:
        return await work.elb("modify_listener", ListenerArn=listener.arn, **said)

    reply = await work.seen(once, listener.arn, *work.target_group_arns(wanted.default_actions))
    new = listener_from_api(reply["Listeners"][0], work.door.snapshot.name_of, listener.tags)
    others = tuple(each for each in listener.certificates[1:] if each not in new.certificates)
    work.changed(
        replace(new, certificates=new.certificates + others, attributes=listener.attributes)
        if new.protocol == "HTTPS"
        else replace(new, attributes=listener.attributes)
    )


async def modify_attributes(work: Work, action: ModifyListenerAttributes) -> None:
    """Set attributes."""
    await _set_attributes(work, work.listener(action.listener).arn, action.attributes)


async def _set_attributes(work: Work, arn: str, attributes: Pairs) -> None:
    async def some(pairs: Sequence[tuple[str, str]]) -> None:
        async def once() -> Item:
            return await work.elb(
                "modify_listener_attributes", ListenerArn=arn, Attributes=pairs_to_api(tuple(pairs))
            )

        reply = await work.seen(once, arn)
        listener = work.own(Listener, arn)
        work.changed(replace(listener, attributes=pairs_from_api(reply.get("Attributes"))))

    await all_or_each(some, attributes)


async def add_certificates(work: Work, action: AddListenerCertificates) -> None:
    """Have a listener choose more certificates by the name that a client asks for."""
    await _add(work, work.listener(action.listener), action.certificates)


async def _add(work: Work, listener: Listener, certificates: Sequence[str]) -> None:
    """Add certificates; where AWS refuses one of them the others are added, and then its error raised."""
    if not certificates:
        return
    await all_or_each(partial(_add_some, work, listener.arn), certificates)


async def _add_some(work: Work, arn: str, certificates: Sequence[str]) -> None:
    async def once() -> Item:
        items = [{"CertificateArn": each} for each in certificates]
        return await work.elb("add_listener_certificates", ListenerArn=arn, Certificates=items)

    await work.seen(once, arn)
    listener = work.own(Listener, arn)
    new = tuple(each for each in certificates if each not in listener.certificates[1:])
    work.changed(replace(listener, certificates=_in_order(listener.certificates + new)))


def _in_order(certificates: tuple[str, ...]) -> tuple[str, ...]:
    """The default one first, the others as they are read."""
    return (*certificates[:1], *sorted(certificates[1:]))


async def remove_certificates(work: Work, action: RemoveListenerCertificates) -> None:
    """Have a listener choose these certificates no more."""
    listener = work.listener(action.listener)
    items = [{"CertificateArn": each} for each in action.certificates]
    await work.elb("remove_listener_certificates", ListenerArn=listener.arn, Certificates=items)
    kept = tuple(each for each in listener.certificates if each not in action.certificates)
    work.changed(replace(work.own(Listener, listener.arn), certificates=kept))


async def delete(work: Work, action: DeleteListener) -> None:
    """Close a port. AWS itself is asked first whose its load balancer is."""
    balancer = action.listener.rpartition(":")[0]
    if await work.is_there(work.load_balancer(balancer).arn):
        work.own(Listener, action.arn)
        await work.delete("delete_listener", ListenerArn=action.arn)
    work.gone(action.arn)
