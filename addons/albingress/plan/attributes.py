"""Attributes: AWS lists them only one thing at a time, so a tag on what we made says which were asked for.

Those that are not asked for are nobody's: one that is asked for no more keeps its value.
"""

from addons.albingress import names
from addons.albingress.model.stack import Pairs
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
