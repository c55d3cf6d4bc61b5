"""What Nodes ask for: a name each, or those of the template. Pure."""

from addons.dns.desired.addresses import node_addresses
from addons.dns.desired.annotations import checked_hostname, read_annotations
from addons.dns.desired.endpoints import merge_wishes, source_object
from addons.dns.desired.fqdn_template import template_names
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.endpoint import Desired
from addons.runtime.objects import Node


def node_endpoints(node: Node, settings: SourceSettings) -> Desired:
    """The name of the node, or what the template makes of it, leading to its addresses of both families.

    A cordoned node gives its names up, unless the settings say otherwise.
    """
    if not settings.covers(node) or (node.spec.unschedulable and settings.excludes_unschedulable):
        return Desired()
    asked_by = source_object(node)
    asked = read_annotations(asked_by.ref, node.metadata.annotations, settings)
    if not asked.is_ours:
        return Desired()
    problems = list(asked.problems)
    if settings.template.parts:
        found = template_names(node, settings, problems)
    else:
        name = checked_hostname(asked_by.ref, "metadata.name", node.metadata.name, problems)
        found = (name,) if name is not None else ()
    targets = asked.targets or tuple(node_addresses([node], settings))
    wishes = [(name, targets) for name in found]
    return merge_wishes(asked_by, wishes, ttl=asked.ttl, domains=settings.domains, problems=problems)
