"""Attributes: AWS lists them only one thing at a time, so a tag on what we made says which were asked for.

Those that are not asked for are nobody's: one that is asked for no more keeps its value.
"""

from collections.abc import Iterator

from addons.albingress import names
from addons.albingress.model.stack import Pairs, Stack
from addons.albingress.plan.digest import attributes_digest
from addons.albingress.plan.tags import merged, spec_tag
from addons.runtime.outcomes import ObjectRef, Skip


def new_tags(tags: Pairs, attributes: Pairs, secret_digest: str = "") -> Pairs:
    """The tags of something that we make."""
    return merged(tags, spec_tag(_spec(attributes, secret_digest)))


def kept_tags(tags: Pairs, there: Pairs, attributes: Pairs, secret_digest: str = "") -> Pairs:
    """The tags that something is to have which is there; the tag of ours only where it has one."""
    return new_tags(tags, attributes, secret_digest) if names.TAG_SPEC in dict(there) else tags


def _spec(attributes: Pairs, secret_digest: str) -> str:
    digest = attributes_digest(attributes)
    return f"{digest}.{secret_digest}" if secret_digest else digest


def stale_attributes(read: Pairs | None, tags: Pairs, asked: Pairs) -> Pairs:
    """The attributes to be set: by what was `read`, else by our tag, else none, as nothing is known."""
    if read is not None:
        there = dict(read)
        return tuple((key, value) for key, value in asked if there.get(key) != value)
    spec = dict(tags).get(names.TAG_SPEC)
    return asked if spec is not None and attributes_digest(asked) not in spec else ()


def kept_attributes(
    key: str, what: str, ref: ObjectRef | None, tags: Pairs, asked: Pairs
) -> tuple[Skip, ...]:
    """Tell where attributes were asked for and are no more."""
    had = dict(tags).get(names.TAG_SPEC, "").partition(".")[0]
    if asked or not had:
        return ()
    message = f"attributes of {what} keep their values: no annotation names any of them now"
    return (Skip(key, ref, names.ATTRIBUTE_KEPT, message),)


def given_up(before: Stack, after: Stack) -> tuple[Skip, ...]:
    """Tell which attributes are asked for no more, where it is known what was asked for."""
    known = {key: attributes for key, _, attributes in _asked(before)}
    skips: list[Skip] = []
    for key, ref, attributes in _asked(after):
        lost = sorted(dict(known.get(key, ())).keys() - dict(attributes).keys())
        if lost:
            message = f"{', '.join(lost)} stay as they are in AWS: no annotation names them now"
            skips.append(Skip(key, ref, names.ATTRIBUTE_KEPT, message))
    return tuple(skips)


def _asked(stack: Stack) -> Iterator[tuple[str, ObjectRef, Pairs]]:
    """The attributes that a stack asks for, by the keys of what they are of."""
    if balancer := stack.load_balancer:
        yield f"load-balancer/{balancer.name}", balancer.owner.ref, balancer.attributes
        for listener in stack.listeners:
            yield f"listener/{balancer.name}:{listener.port}", listener.owner.ref, listener.attributes
    for group in stack.target_groups:
        yield f"target-group/{group.name}", group.owner.ref, group.attributes
