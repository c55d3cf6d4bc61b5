"""The HTTP side of WAFv2: which web ACL protects a load balancer, and which ones there are."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from addons.sim.aws.errors import Refusal
from addons.sim.aws.waf.state import Waf, WebAcl

Call = dict[str, Any]


def associate_web_acl(waf: Waf, call: Call) -> Call:
    """Let a web ACL protect a load balancer."""
    _check_resource(waf, call)
    if call["WebACLArn"] not in waf.acls:
        raise _absent()
    waf.associate(call["ResourceArn"], call["WebACLArn"])
    return {}


def disassociate_web_acl(waf: Waf, call: Call) -> Call:
    """Let nothing protect a load balancer."""
    _check_resource(waf, call)
    waf.disassociate(call["ResourceArn"])
    return {}


def get_web_acl_for_resource(waf: Waf, call: Call) -> Call:
    """Show what protects a load balancer; an empty answer for nothing."""
    _check_resource(waf, call)
    acl = waf.acl_of(call["ResourceArn"])
    return {"WebACL": _shape(acl) | {"DefaultAction": {"Allow": {}}}} if acl else {}


def list_web_acls(waf: Waf, call: Call) -> Call:
    """Show the web ACLs of the region."""
    if call.get("Scope") != "REGIONAL":
        raise Refusal("WAFInvalidParameterException", "the scope must be REGIONAL")
    return {"WebACLs": list(map(_shape, waf.acls.values()))}


def _shape(acl: WebAcl) -> Call:
    return {"ARN": acl.arn, "Name": acl.name, "Id": acl.id}


def _check_resource(waf: Waf, call: Call) -> None:
    if waf.account.load_balancers.get(call.get("ResourceArn", "")) is None:
        raise _absent()


def _absent() -> Refusal:
    message = "AWS WAF couldn't perform the operation because your resource doesn't exist."
    return Refusal("WAFNonexistentItemException", message)


OPERATIONS: Mapping[str, Callable[[Waf, Call], Call]] = {
    "AssociateWebACL": associate_web_acl,
    "DisassociateWebACL": disassociate_web_acl,
    "GetWebACLForResource": get_web_acl_for_resource,
    "ListWebACLs": list_web_acls,
}


def answer(waf: Waf, operation: str, body: bytes) -> str:
    """Give the JSON of the answer. Raises `Refusal`."""
    waf.calls[operation] += 1
    return json.dumps(OPERATIONS[operation](waf, json.loads(body or b"{}")))
