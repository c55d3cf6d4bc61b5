"""Properties become arguments of the API below: numbers may be texts, unknown keys are refused."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

from addons.sim.aws.cloudformation.errors import HandlerFailed


@cache
def _model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"))


def typed(service: str, shape: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Give a value with the types that a shape of the service's API has. Raises `HandlerFailed`."""
    found: dict[str, Any] = _typed(_model(service).shape_for(shape), value, "")
    return found


def _typed(shape: Shape, value: Any, path: str) -> Any:
    if shape.type_name == "structure":
        return _structure(shape, value, path)
    if shape.type_name == "list":
        if not isinstance(value, list):
            raise HandlerFailed(f"Value of property {path.removeprefix('/')} must be of type List")
        return [_typed(shape.member, item, f"{path}/{number}") for number, item in enumerate(value)]
    if isinstance(value, dict | list):
        raise HandlerFailed(f"Value of property {path.removeprefix('/')} must be of type String")
    return _scalar(shape.type_name, value, path)


def _structure(shape: Shape, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise HandlerFailed(f"Value of property {path.removeprefix('/')} must be an object")
    for name in value:
        if name not in shape.members:
            raise HandlerFailed(
                "Properties validation failed with message:\n"
                f"[#{path}: extraneous key [{name}] is not permitted]"
            )
    return {name: _typed(shape.members[name], inner, f"{path}/{name}") for name, inner in value.items()}


def _scalar(kind: str, value: Any, path: str) -> Any:
    if kind == "boolean":
        if str(value).lower() not in ("true", "false"):
            raise HandlerFailed(f"[#{path}: expected type: Boolean, found: {value}]")
        return str(value).lower() == "true"
    if kind in ("integer", "long"):
        try:
            return int(value)
        except ValueError:
            raise HandlerFailed(f"[#{path}: expected type: Integer, found: {value}]") from None
    return text(value)


def text(value: Any) -> str:
    """A scalar as CloudFormation writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
