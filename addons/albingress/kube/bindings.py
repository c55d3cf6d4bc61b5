"""What is written to users' TargetGroupBindings: finalizers, and which version was looked at."""

from addons.albingress.model.bindings import TargetGroupBinding
from addons.albingress.model.objects import TARGET_GROUP_BINDINGS
from addons.albingress.names import BINDING_FINALIZER
from addons.runtime.errors import NotFound
from addons.runtime.kube import KubeClient


async def hold(kube: KubeClient, binding: TargetGroupBinding) -> None:
    """Have a binding stay until its targets are deregistered. Raises OutsideError, Conflict if it changed."""
    if BINDING_FINALIZER not in binding.metadata.finalizers:
        await _set_finalizers(kube, binding, (*binding.metadata.finalizers, BINDING_FINALIZER))


async def release(kube: KubeClient, binding: TargetGroupBinding) -> None:
    """Let a binding go. Raises OutsideError, Conflict if it changed."""
    held = binding.metadata.finalizers
    if BINDING_FINALIZER in held:
        await _set_finalizers(kube, binding, tuple(each for each in held if each != BINDING_FINALIZER))


async def tell_observed(kube: KubeClient, binding: TargetGroupBinding) -> None:
    """Have the status say that this generation of a binding is brought about. Raises OutsideError."""
    meta = binding.metadata
    if binding.status.observed_generation == meta.generation:
        return
    body = {"status": {"observedGeneration": meta.generation}}
    try:
        await kube.merge_patch(
            TARGET_GROUP_BINDINGS, body, namespace=meta.namespace, name=meta.name, subresource="status"
        )
    except NotFound:
        return


async def _set_finalizers(kube: KubeClient, binding: TargetGroupBinding, finalizers: tuple[str, ...]) -> None:
    meta = binding.metadata
    body = {"metadata": {"resourceVersion": meta.resource_version, "finalizers": list(finalizers)}}
    try:
        await kube.merge_patch(TARGET_GROUP_BINDINGS, body, namespace=meta.namespace, name=meta.name)
    except NotFound:
        return
