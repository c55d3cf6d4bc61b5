"""What Nodes ask for: a name each, or those of the template. Pure."""

from addons.dns.desired.addresses import node_addresses
from addons.dns.desired.annotations import checked_hostname, read_annotations
from addons.dns.desired.fqdn import template_names
from addons.dns.desired.merge import claimant_of, merge_wishes
from addons.dns.desired.scope import Scope
from addons.dns.model.claims import Claims
from addons.dns.model.objects import Node


def node_claims(node: Node, scope: Scope) -> Claims:
    """The name of the node, or what the template makes of it, leading to its addresses of both families.

    A cordoned node gives its names up, unless the settings say otherwise.
    """
    if not scope.covers(node) or (node.spec.unschedulable and scope.excludes_unschedulable):
        return Claims()
    claimant = claimant_of(node)
    asked = read_annotations(claimant.ref, node.metadata.annotations, scope)
    if not asked.is_ours:
        return Claims()
    problems = list(asked.problems)
    if scope.template.parts:
        found = template_names(node, scope, problems)
    else:
        name = checked_hostname(claimant.ref, "metadata.name", node.metadata.name, problems)
        found = (name,) if name is not None else ()
    targets = asked.targets or tuple(node_addresses([node], scope))
    wishes = [(name, targets) for name in found]
    return merge_wishes(claimant, wishes, ttl=asked.ttl, domains=scope.domains, problems=problems)
