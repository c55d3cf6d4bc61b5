"""Tags: what is to be set and removed on what is ours."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from addons.albingress import names
from addons.albingress.model.actions import AwsAction, RemoveTags, SetTags
from addons.albingress.model.stack import Pairs
from addons.runtime.outcomes import ObjectRef


class Tagged(Struct, frozen=True):
    """Something with tags: the key of the actions, its ARN or id, what it is called in messages, and whose it
    is."""

    key: str
    arn: str
    what: str
    ref: ObjectRef | None = None


def merged(tags: Pairs, more: Mapping[str, str]) -> Pairs:
    """Tags with more of them, sorted; one with an empty value among `more` is left out."""
    found = {key: value for key, value in {**dict(tags), **more}.items() if value or key not in more}
    return tuple(sorted(found.items()))


def plan_tags(
    thing: Tagged,
    observed: Pairs,
    desired: Pairs,
    *,
    external: Collection[str] = (),
    kept: Collection[str] = (),
    needs: tuple[str, ...] = (),
) -> list[AwsAction]:
    """Set and remove tags; those of AWS, of external managers and `kept` ones are never touched."""
    there, asked = dict(observed), dict(desired)
    changed = {
        key: value
        for key, value in asked.items()
        if there.get(key) != value and key not in external and key not in kept
    }
    gone = [
        key
        for key in there
        if key not in asked and not key.startswith("aws:") and key not in external and key not in kept
    ]
    actions: list[AwsAction] = []
    if changed:
        because = f"tags {', '.join(sorted(changed))} of {thing.what} differ from what is asked for"
        pairs = tuple(sorted(changed.items()))
        actions.append(
            SetTags(
                key=f"tags/{thing.key}",
                ref=thing.ref,
                because=because,
                needs=needs,
                arn=thing.arn,
                tags=pairs,
            )
        )
    if gone:
        because = f"tags {', '.join(sorted(gone))} of {thing.what} are no longer asked for"
        keys = tuple(sorted(gone))
        actions.append(
            RemoveTags(
                key=f"untag/{thing.key}",
                ref=thing.ref,
                because=because,
                needs=needs,
                arn=thing.arn,
                keys=keys,
            )
        )
    return actions


def spec_tag(digest: str) -> dict[str, str]:
    """The tag that says what a listing does not show."""
    return {names.TAG_SPEC: digest}
