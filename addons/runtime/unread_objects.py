"""Objects that are there and cannot be read: a field has another type than the API says. Pure."""

from functools import cache
from typing import Any, TypeVar, cast

from msgspec import defstruct
from msgspec.structs import fields

from addons.runtime.objects import KubeObject, ObjectMeta

O = TypeVar("O", bound=KubeObject)  # noqa: E741


def stand_in(type_: type[O], metadata: ObjectMeta, fault: str) -> O:
    """An object of the type of which only the metadata is known, and why."""
    return cast(O, _unread(type_)(metadata=metadata, fault=fault))


def fault_of(obj: KubeObject) -> str:
    """Why the object cannot be read; empty for one that can."""
    fault: str = getattr(obj, "fault", "")
    return fault


@cache
def bare_type(type_: type[O]) -> type[KubeObject]:
    """The type of objects of which only the metadata is read, all that this type has of it."""
    metadata = next(field.type for field in fields(type_) if field.name == "metadata")
    bare: type[Any] = defstruct(
        f"Bare{type_.__name__}", [("metadata", metadata, metadata())], bases=(KubeObject,), frozen=True
    )
    return bare


@cache
def _unread(type_: type[KubeObject]) -> type[Any]:
    return defstruct(
        f"Unread{type_.__name__}", [("fault", str, "")], bases=(type_,), frozen=True, kw_only=True
    )
