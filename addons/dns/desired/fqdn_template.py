"""The names that `--fqdn-template` makes of objects. Pure."""

from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.annotations import Annotations, checked_hostname
from addons.dns.desired.go_template import SOURCE
from addons.dns.desired.go_template_values import EvaluationError
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.object_content import SECTIONS
from addons.runtime.decoding import content_of
from addons.runtime.objects import KubeObject, ref
from addons.runtime.outcomes import Problem


def add_template_names(
    obj: KubeObject, annotations: Annotations, settings: SourceSettings, *, has_names: bool = False
) -> Annotations:
    """`annotations` with the names that the template makes of `obj`, for an object that gives itself none.

    `has_names` says that it does, elsewhere than in annotations. With `--combine-fqdn-annotation` it gets
    those of the template as well.
    """
    has_names = has_names or bool(annotations.hostnames or annotations.internal_hostnames)
    if settings.template is None or (has_names and not settings.combines_template):
        return annotations
    problems = list(annotations.problems)
    made = template_names(obj, settings, problems)
    hostnames = tuple(dict.fromkeys((*annotations.hostnames, *made)))
    return replace(annotations, hostnames=hostnames, problems=tuple(problems))


def template_names(obj: KubeObject, settings: SourceSettings, problems: list[Problem]) -> tuple[str, ...]:
    """The names that the template makes of one object, and what is wrong with them in `problems`."""
    which = ref(obj)
    if settings.template is None:
        return ()
    try:
        made = settings.template.render(_fields(obj))
    except EvaluationError as error:
        problems.append(Problem(which, names.INVALID_TEMPLATE, f"--fqdn-template: {error}"))
        return ()
    items = (item.strip() for item in made.split(","))
    found = (checked_hostname(which, "--fqdn-template", item, problems) for item in items if item)
    return tuple(name for name in found if name is not None)


def _fields(obj: KubeObject) -> dict[str, object]:
    """What templates read of an object: its content as far as it was kept for them."""
    metadata, resource = obj.metadata, obj.resource
    content = content_of(obj)
    kind = {"kind": resource.kind, "apiVersion": resource.api_version}
    return {
        "Name": metadata.name,
        "Namespace": metadata.namespace,
        "Kind": resource.kind,
        "APIVersion": resource.api_version,
        "Labels": metadata.labels,
        "Annotations": metadata.annotations,
        SOURCE: _SOURCES.get(resource.kind, resource.kind.lower()),
        "Object": {**content, **kind},
        **{name: content.get(path[0], {}) for name, path in SECTIONS.items() if path},
    }


_SOURCES = {"HTTPRoute": "gateway-httproute", "GRPCRoute": "gateway-grpcroute"}
"""The sources that are not called as the kind of their objects."""
