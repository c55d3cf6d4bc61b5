"""The names that `--fqdn-template` makes of objects. Pure."""

from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.annotations import Annotations, checked_hostname
from addons.dns.desired.go_template_functions import EvaluationError
from addons.dns.desired.settings import SourceSettings
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
    if not settings.template.parts or (has_names and not settings.combines_template):
        return annotations
    problems = list(annotations.problems)
    made = template_names(obj, settings, problems)
    hostnames = tuple(dict.fromkeys((*annotations.hostnames, *made)))
    return replace(annotations, hostnames=hostnames, problems=tuple(problems))


def template_names(obj: KubeObject, settings: SourceSettings, problems: list[Problem]) -> tuple[str, ...]:
    """The names that the template makes of one object, and what is wrong with them in `problems`."""
    metadata, which = obj.metadata, ref(obj)
    fields = {
        "Name": metadata.name,
        "Namespace": metadata.namespace,
        "Kind": obj.resource.kind,
        "Labels": metadata.labels,
        "Annotations": metadata.annotations,
    }
    try:
        made = settings.template.render(fields)
    except EvaluationError as error:
        problems.append(Problem(which, names.INVALID_TEMPLATE, f"--fqdn-template: {error}"))
        return ()
    items = (item.strip() for item in made.split(","))
    found = (checked_hostname(which, "--fqdn-template", item, problems) for item in items if item)
    return tuple(name for name in found if name is not None)
