"""Whether something is ours, as AWS itself says right before it is taken away."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from addons.albingress.aws.calls import MOST_ARNS
from addons.albingress.aws.reading import Reading
from addons.albingress.aws.recent import now
from addons.albingress.aws.snapshot import SHARED, stack_by
from addons.albingress.model.stack import Pairs
from addons.albingress.names import TAG_BACKEND_GROUP, TAG_CLUSTER, TAG_RESOURCE, TAG_STACK
from addons.runtime.errors import AlreadyExists, Invalid, OutsideError

NOT_OURS: Final = "NotOurs"
NAME_TAKEN: Final = "NameTaken"

_FRESH_SECONDS = 10.0
_IDENTITY = (TAG_CLUSTER, TAG_STACK, TAG_RESOURCE, TAG_BACKEND_GROUP)


def not_ours(what: str, stack: str) -> OutsideError:
    """The refusal of a change to what has no tags of the stack."""
    return Invalid(f"{what}: not changed, as it has no tags that make it one of {stack}", code=NOT_OURS)


def name_taken(kind: str, name: str) -> OutsideError:
    """The refusal of a name that something has which is not ours."""
    return AlreadyExists(
        f"{kind} {name}: there is another of that name, without the tags that would make it ours",
        code=NAME_TAKEN,
    )


def is_the_same(tags: Pairs, wanted: Pairs) -> bool:
    """Whether something has all the tags by which we know what is asked for as ours."""
    have, want = dict(tags), dict(wanted)
    return TAG_CLUSTER in want and all(have.get(key) == want.get(key) for key in _IDENTITY)


class Ownership:
    """Asks AWS for the tags of load balancers and target groups, of many at once where more will be asked."""

    def __init__(self, reading: Reading, cluster: str) -> None:
        self._reading = reading
        self._cluster = cluster
        self._soon: dict[str, None] = {}
        self._seen: dict[str, tuple[float, Pairs | None]] = {}
        self._one_by_one = asyncio.Lock()

    def announce(self, arns: Iterable[str]) -> None:
        """Say which ones will be asked about."""
        self._soon.update(dict.fromkeys(arns))

    async def confirm(self, stack: str, arn: str) -> bool:
        """True when it is there and ours, False when it is not there. Raises OutsideError when not ours."""
        async with self._one_by_one:
            if self._is_old(arn):
                await self._read(arn)
        tags = self._seen[arn][1]
        if tags is not None:
            self.check(stack, arn, tags)
        return tags is not None

    def check(self, stack: str, what: str, tags: Pairs) -> None:
        """Raise unless these are tags of the stack, or of what the cluster shares."""
        if stack_by(tags, self._cluster) not in (stack, SHARED):
            raise not_ours(what, stack)

    def _is_old(self, arn: str) -> bool:
        return arn not in self._seen or self._seen[arn][0] < now() - _FRESH_SECONDS

    async def _read(self, arn: str) -> None:
        self._soon.pop(arn, None)
        others = [other for other in self._soon if self._is_old(other)][: MOST_ARNS - 1]
        tags: Mapping[str, Pairs] = await self._reading.tags_of([arn, *others])
        for known in [known for known in self._seen if self._is_old(known)]:
            del self._seen[known]
        for asked in (arn, *others):
            self._soon.pop(asked, None)
            self._seen[asked] = (now(), tags.get(asked))
