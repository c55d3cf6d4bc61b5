"""Which bindings there are, as those who make target groups tell, and which of them a Service fills."""

from collections import defaultdict
from collections.abc import Iterable

from addons.albingress.model.targets import Binding
from addons.runtime.objects import Key


class Bindings:
    """All bindings by their target groups. Each source tells of its own: an ingress group, the users'."""

    def __init__(self) -> None:
        self._sources: dict[str, tuple[Binding, ...]] = {}
        self._of_group: defaultdict[str, dict[tuple[str, Key], Binding]] = defaultdict(dict)
        self._by_key: dict[Key, Binding] = {}
        self._of_service: defaultdict[Key, dict[tuple[str, str, Key], None]] = defaultdict(dict)

    def replace(self, source: str, bindings: Iterable[Binding]) -> set[str]:
        """From now on a source has these bindings and no others; the target groups for which that is news."""
        before, now = self._sources.get(source, ()), tuple(bindings)
        self._sources[source] = now
        if before == now:
            return set()
        for each in before:
            self._remove(source, each)
        for each in now:
            self._of_group[each.group][source, each.key] = each
            self._of_service[_service(each)][source, each.group, each.key] = None
            self._by_key[each.key] = each
        return {each.group for each in set(before) ^ set(now)}

    def drop(self, source: str) -> set[str]:
        """A source is no more; the target groups for which that is news."""
        changed = self.replace(source, ())
        del self._sources[source]
        return changed

    def groups(self) -> tuple[str, ...]:
        """Every target group that has a binding."""
        return tuple(self._of_group)

    def of_group(self, group: str) -> tuple[Binding, ...]:
        """The bindings that fill a target group, in a fixed order."""
        found = self._of_group.get(group, {})
        return tuple(found[each] for each in sorted(found))

    def groups_of_service(self, service: Key) -> set[str]:
        """The target groups that a Service fills."""
        return {group for _, group, _ in self._of_service.get(service, ())}

    def find(self, key: Key) -> Binding | None:
        """The binding that readiness gates of a namespace call by this name."""
        return self._by_key.get(key)

    def _remove(self, source: str, binding: Binding) -> None:
        if self._by_key.get(binding.key) == binding:
            del self._by_key[binding.key]
        of_group = self._of_group[binding.group]
        of_group.pop((source, binding.key), None)
        if not of_group:
            del self._of_group[binding.group]
        of_service = self._of_service[_service(binding)]
        of_service.pop((source, binding.group, binding.key), None)
        if not of_service:
            del self._of_service[_service(binding)]


def _service(binding: Binding) -> Key:
    return binding.backend.namespace, binding.backend.service
