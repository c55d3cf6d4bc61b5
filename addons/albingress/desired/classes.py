"""Whether an Ingress is ours, by its class. Pure."""

from collections.abc import Mapping

from msgspec import Struct

from addons.albingress import names
from addons.albingress.config import Config
from addons.albingress.desired.asked import Invalid
from addons.albingress.desired.class_params import GROUP_NAME, NAMESPACE_SELECTOR
from addons.albingress.model.objects import Ingress, IngressClass, IngressClassParams, Namespace
from addons.runtime.objects import ref
from addons.runtime.outcomes import Problem

_LEGACY_NAME = "alb"


class ClassObjects(Struct, frozen=True, kw_only=True):
    """What the classes of Ingresses are made of, by name."""

    classes: Mapping[str, IngressClass] = {}
    params: Mapping[str, IngressClassParams] = {}
    namespaces: Mapping[str, Namespace] = {}


class Ours(Struct, frozen=True):
    """The Ingress is ours, with the settings of its class."""

    params: IngressClassParams | None = None


class NotOurs(Struct, frozen=True):
    """The Ingress is somebody else's, or nobody's."""

    because: str


class Doubtful(Struct, frozen=True):
    """Nobody can say whether the Ingress is ours, or with which settings."""

    problem: Problem


Classified = Ours | NotOurs | Doubtful


def classify(ingress: Ingress, objects: ClassObjects, config: Config) -> Classified:
    """Whether the Ingress is ours. The older annotation wins over `spec.ingressClassName`, as always."""
    said = ingress.metadata.annotations.get(names.INGRESS_CLASS)
    if said is not None:
        return _by_annotation(ingress, said, config)
    name = ingress.spec.ingress_class_name
    return _by_name(ingress, name, objects, config) if name else _by_default(ingress, objects, config)


def is_held(ingress: Ingress) -> bool:
    """Whether a finalizer of ours is on the Ingress: AWS may have something of it."""
    return any(
        one == names.FINALIZER or one.startswith(names.GROUP_FINALIZER) for one in ingress.metadata.finalizers
    )


def _by_annotation(ingress: Ingress, said: str, config: Config) -> Classified:
    if said not in (config.ingress_class, config.ingress_class or _LEGACY_NAME):
        return NotOurs(f"its annotation {names.INGRESS_CLASS} names the class {said!r}")
    if config.disable_ingress_class_annotation and not is_held(ingress):
        return _doubtful(
            ingress,
            f"annotation {names.INGRESS_CLASS} is not accepted on new Ingresses here "
            "(--disable-ingress-class-annotation); use spec.ingressClassName",
        )
    return Ours()


def _by_default(ingress: Ingress, objects: ClassObjects, config: Config) -> Classified:
    defaults = sorted(
        (one for one in objects.classes.values() if one.is_default), key=lambda one: one.metadata.name
    )
    if not defaults:
        return (
            NotOurs("it has no class, and no IngressClass is the default") if config.ingress_class else Ours()
        )
    if len(defaults) == 1:
        return _by_class(ingress, defaults[0], objects)
    listed = ", ".join(one.metadata.name for one in defaults)
    if not is_held(ingress) and not any(one.spec.controller == names.CONTROLLER for one in defaults):
        return NotOurs(f"it has no class, and the default ones ({listed}) are all somebody else's")
    return _doubtful(
        ingress,
        f"spec.ingressClassName is not set and {len(defaults)} IngressClasses are the default ({listed}); "
        f"set it, or leave the annotation {names.DEFAULT_CLASS} on one of them only",
    )


def _by_name(ingress: Ingress, name: str, objects: ClassObjects, config: Config) -> Classified:
    if found := objects.classes.get(name):
        return _by_class(ingress, found, objects)
    if name != (config.ingress_class or _LEGACY_NAME) and not is_held(ingress) and not _means_us(ingress):
        return NotOurs(f"its class {name} does not exist, and nothing else on it is ours")
    return _doubtful(
        ingress, f"ingressclass/{name} does not exist; make it, or name another in spec.ingressClassName"
    )


def _means_us(ingress: Ingress) -> bool:
    return any(key.startswith(names.PREFIX) for key in ingress.metadata.annotations)


def _by_class(ingress: Ingress, found: IngressClass, objects: ClassObjects) -> Classified:
    name, wanted = found.metadata.name, found.spec.parameters
    if found.spec.controller != names.CONTROLLER:
        return NotOurs(f"its class {name} is of the controller {found.spec.controller!r}")
    if wanted is None:
        return Ours()
    if (wanted.api_group, wanted.kind) != (names.PARAMS_GROUP, "IngressClassParams"):
        return _doubtful(
            ingress,
            f"ingressclass/{name} has parameters of the kind {wanted.kind!r} of {wanted.api_group!r}; "
            f"only IngressClassParams of {names.PARAMS_GROUP} can be used",
        )
    if (params := objects.params.get(wanted.name)) is None:
        return _doubtful(
            ingress,
            f"ingressclassparams/{wanted.name}, which ingressclass/{name} names, does not exist; make it",
        )
    return _by_params(ingress, params, objects)


def _by_params(ingress: Ingress, params: IngressClassParams, objects: ClassObjects) -> Classified:
    which, namespace = f"ingressclassparams/{params.metadata.name}", ingress.metadata.namespace
    selector = NAMESPACE_SELECTOR.asked_by(params)
    for read in (selector, GROUP_NAME.asked_by(params)):
        if isinstance(read, Invalid):
            return _doubtful(ingress, f"{which} cannot be used: {read.where} {read.fault}; mend it")
    if selector is None or isinstance(selector, Invalid):
        return Ours(params)
    if (found := objects.namespaces.get(namespace)) is None:
        return _doubtful(ingress, f"namespace/{namespace} is not known, which {which} selects by its labels")
    if not selector.matches(found.metadata.labels):
        return _doubtful(
            ingress,
            f"{which} does not select namespace/{namespace}; "
            "label the namespace as its spec.namespaceSelector asks, or use another class",
        )
    return Ours(params)


def _doubtful(ingress: Ingress, fault: str) -> Doubtful:
    return Doubtful(Problem(ref(ingress), names.INVALID_CLASS, fault))
