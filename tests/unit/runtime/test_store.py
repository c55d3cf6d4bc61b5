"""The store: objects by name and index, and what changed."""

from collections.abc import Iterable

from addons.runtime.objects import KubeObject, ObjectMeta, key
from addons.runtime.store import Change, Store


def obj(name: str, version: str = "1", *, uid: str = "", **labels: str) -> KubeObject:
    meta = ObjectMeta(name=name, namespace="n", uid=uid or name, resource_version=version, labels=labels)
    return KubeObject(metadata=meta)


def colours(one: KubeObject) -> Iterable[str]:
    return (one.metadata.labels[name] for name in ("colour", "trim") if name in one.metadata.labels)


def store(*objects: KubeObject) -> Store[KubeObject]:
    made: Store[KubeObject] = Store({"colour": colours})
    for one in objects:
        made.put(one)
    return made


def by(held: Store[KubeObject], colour: str) -> list[str]:
    return [one.metadata.name for one in held.by("colour", colour)]


class TestPut:
    def test_a_new_object_is_found_by_name_and_index(self) -> None:
        held = store(obj("a", colour="red", trim="blue"))
        assert held.get("n", "a") == obj("a", colour="red", trim="blue")
        assert (by(held, "red"), by(held, "blue"), by(held, "green")) == (["a"], ["a"], [])
        assert len(held) == 1

    def test_a_new_state_leaves_its_old_place_in_the_index(self) -> None:
        held = store(obj("a", colour="red"), obj("b", colour="red"))
        assert held.put(obj("a", "2", colour="blue")) == Change(
            obj("a", colour="red"), obj("a", "2", colour="blue")
        )
        assert (by(held, "red"), by(held, "blue")) == (["b"], ["a"])

    def test_the_same_state_is_no_change(self) -> None:
        assert store(obj("a")).put(obj("a")) is None

    def test_another_object_of_the_same_name_is_a_change(self) -> None:
        assert store(obj("a")).put(obj("a", uid="other")) is not None

    def test_objects_without_a_version_always_change(self) -> None:
        assert store(obj("a", "")).put(obj("a", "")) is not None


class TestDiscard:
    def test_it_is_gone_everywhere(self) -> None:
        held = store(obj("a", colour="red"))
        assert held.discard(("n", "a")) == Change(obj("a", colour="red"), None)
        assert (held.get("n", "a"), by(held, "red"), len(held)) == (None, [], 0)

    def test_what_is_not_held_is_no_change(self) -> None:
        assert store().discard(("n", "a")) is None


class TestReplace:
    def replaced(self, held: Store[KubeObject], *objects: KubeObject) -> list[Change[KubeObject]]:
        return held.replace({key(one): one for one in objects})

    def test_only_differences_are_changes(self) -> None:
        held = store(obj("a"), obj("b"), obj("c"))
        changes = self.replaced(held, obj("b"), obj("c", "2"), obj("d"))
        assert changes == [
            Change(obj("a"), None, missed=True),
            Change(obj("c"), obj("c", "2")),
            Change(None, obj("d")),
        ]
        assert [one.metadata.name for one in held.all()] == ["b", "c", "d"]

    def test_the_indexes_are_those_of_the_new_objects(self) -> None:
        held = store(obj("a", colour="red"))
        self.replaced(held, obj("b", colour="blue"))
        assert (by(held, "red"), by(held, "blue")) == ([], ["b"])
