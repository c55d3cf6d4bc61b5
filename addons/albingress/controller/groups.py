"""Which Ingresses form which group, and which groups a changed object may matter to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct

from addons.albingress.config import Config
from addons.albingress.desired.classes import ClassObjects
from addons.albingress.desired.groups import Membership, groups_left, membership
from addons.albingress.desired.inputs import Member
from addons.albingress.desired.references import secrets_in, services_in
from addons.albingress.kube.endpoints import Touched
from addons.albingress.kube.watches import IngressWatches
from addons.albingress.model.groups import GroupId
from addons.albingress.model.objects import (
    INGRESS_CLASS_PARAMS,
    INGRESS_CLASSES,
    INGRESSES,
    NAMESPACES,
    SECRETS,
    SERVICES,
    Ingress,
)
from addons.runtime.objects import Key


class Place(Struct, frozen=True):
    """Where an Ingress belongs, and in which groups AWS may still have something of it.

    `services` are the ones that it names, in whatever way.
    """

    ingress: Ingress
    membership: Membership
    left: frozenset[GroupId]
    services: frozenset[Key]

    @property
    def member(self) -> Member | None:
        """The Ingress as a member of its group, if it is in one."""
        return self.membership if isinstance(self.membership, Member) else None

    @property
    def groups(self) -> frozenset[GroupId]:
        """All groups whose passes must know of the Ingress."""
        return self.left | {self.member.group} if self.member else self.left


class Groups:
    """Follows the caches of `watches`: every change of an object is to be handed to `update`."""

    def __init__(self, config: Config, watches: IngressWatches) -> None:
        self._config = config
        self._watches = watches
        self._places: dict[Key, Place] = {}
        self._in_group: defaultdict[GroupId, dict[Key, None]] = defaultdict(dict)
        self._by_service: defaultdict[Key, dict[Key, None]] = defaultdict(dict)
        self._classes: ClassObjects | None = None

    def all(self) -> Iterator[GroupId]:
        """Every group that has a member, or had one that is not let go yet."""
        yield from tuple(self._in_group)

    def places(self) -> Iterator[Place]:
        """Every Ingress there is."""
        yield from self._places.values()

    def place(self, ingress: Key) -> Place | None:
        """One Ingress; None where there is none of that name."""
        return self._places.get(ingress)

    def of(self, group: GroupId) -> tuple[Place, ...]:
        """The Ingresses that belong to a group, or hold its finalizer, by name."""
        return tuple(self._places[each] for each in sorted(self._in_group.get(group, ())))

    def groups_of_service(self, service: Key) -> set[GroupId]:
        """The groups whose members name a Service."""
        return {group for each in self._by_service.get(service, ()) for group in self._places[each].groups}

    def secrets_of(self, place: Place) -> frozenset[Key]:
        """The Secrets that an Ingress names, itself or by its Services."""
        namespace = place.ingress.metadata.namespace
        found = set(secrets_in(namespace, place.ingress.metadata.annotations))
        for service in filter(None, (self._watches.services.get(*each) for each in place.services)):
            found.update(secrets_in(service.metadata.namespace, service.metadata.annotations))
        return frozenset(found)

    def all_secrets(self) -> set[Key]:
        """Every Secret that is named by an Ingress that is ours, or by one of its Services."""
        ours = (place for place in self._places.values() if place.member)
        return {secret for place in ours for secret in self.secrets_of(place)}

    def update(self, touched: Touched) -> set[GroupId]:
        """Take in that an object has changed; give the groups that it may matter to."""
        resource, namespace, name = touched
        which = (namespace, name)
        if resource == INGRESSES:
            return self._update(which)
        if resource == SERVICES:
            return self.groups_of_service(which)
        if resource == SECRETS:
            naming = (place for place in self._places.values() if which in self.secrets_of(place))
            return {group for place in naming for group in place.groups}
        if resource in (INGRESS_CLASSES, INGRESS_CLASS_PARAMS):
            self._classes = None
            return self._update_all(self._places)
        if resource == NAMESPACES:
            self._classes = None
            return self._update_all(each for each in self._places if each[0] == name)
        return set()

    def _update_all(self, which: Iterable[Key]) -> set[GroupId]:
        """Place Ingresses anew; the groups of those whose place has changed."""
        before = {each: self._places[each] for each in which}
        affected: set[GroupId] = set()
        for each, was in before.items():
            groups = self._update(each)
            if self._places.get(each) != was:
                affected |= groups
        return affected

    def _update(self, which: Key) -> set[GroupId]:
        """Place one Ingress anew; the groups that it was in, and is in now."""
        was = self._places.pop(which, None)
        ingress = self._watches.ingresses.get(*which)
        now = self._placed(ingress) if ingress else None
        for place in filter(None, (was,)):
            for group in place.groups:
                self._in_group[group].pop(which, None)
                if not self._in_group[group]:
                    del self._in_group[group]
            for service in place.services:
                self._by_service[service].pop(which, None)
        if now:
            self._places[which] = now
            for group in now.groups:
                self._in_group[group][which] = None
            for service in now.services:
                self._by_service[service][which] = None
        return {group for place in (was, now) if place for group in place.groups}

    def _placed(self, ingress: Ingress) -> Place:
        found = membership(ingress, self._objects(), self._config)
        left = frozenset(groups_left(ingress, found))
        return Place(ingress, found, left, frozenset(services_of(ingress)))

    def _objects(self) -> ClassObjects:
        """What the classes of Ingresses are made of, now."""
        if self._classes is None:
            self._classes = ClassObjects(
                classes={each.metadata.name: each for each in self._watches.classes.all()},
                params={each.metadata.name: each for each in self._watches.params.all()},
                namespaces={each.metadata.name: each for each in self._watches.namespaces.all()},
            )
        return self._classes


def services_of(ingress: Ingress) -> Iterator[Key]:
    """The Services that an Ingress names, in paths, as its default, and in actions by annotation."""
    spec, namespace = ingress.spec, ingress.metadata.namespace
    paths = (path.backend for rule in spec.rules for path in rule.http.paths)
    for backend in filter(None, (spec.default_backend, *paths)):
        if backend.service:
            yield namespace, backend.service.name
    for name in services_in(ingress.metadata.annotations):
        yield namespace, name
