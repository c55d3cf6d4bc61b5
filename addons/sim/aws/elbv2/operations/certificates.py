"""The certificates of HTTPS listeners that are chosen by SNI."""

from dataclasses import replace
from typing import Any

from addons.sim.aws.elbv2.certificates import check_certificate, read_arns
from addons.sim.aws.elbv2.errors import ElbError, invalid, not_found
from addons.sim.aws.elbv2.paging import page
from addons.sim.aws.elbv2.policies import POLICIES
from addons.sim.aws.elbv2.state import Elbv2

Call = dict[str, Any]


def add_listener_certificates(elb: Elbv2, call: Call) -> Call:
    """Add certificates; those that are there stay, the default one too."""
    account = elb.account
    listener = account.listener(call["ListenerArn"])
    if listener.protocol != "HTTPS":
        raise invalid("Certificates can only be added to HTTPS listeners")
    new = [check_certificate(account, arn) for arn in read_arns(call["Certificates"])]
    added = dict.fromkeys(arn for arn in new if arn not in listener.certificates)
    certificates = (*listener.certificates, *added)
    count = sum(
        len(each.certificates[1:])
        for each in account.listeners_of(listener.load_balancer_arn)
        if each.arn != listener.arn
    )
    quota = "certificates-per-application-load-balancer"
    what = f"certificates on load balancer '{listener.load_balancer_arn}'"
    account.check_quota(quota, count + len(certificates) - 1, "TooManyCertificates", what)
    account.listeners.put(listener.arn, replace(listener, certificates=certificates))
    return {"Certificates": [{"CertificateArn": arn, "IsDefault": False} for arn in new]}


def remove_listener_certificates(elb: Elbv2, call: Call) -> Call:
    """Remove certificates; the default one can only be replaced."""
    listener = elb.account.listener(call["ListenerArn"])
    gone = read_arns(call["Certificates"])
    if listener.certificates[:1] and listener.certificates[0] in gone:
        raise ElbError(
            "OperationNotPermitted",
            f"Default certificate '{listener.certificates[0]}' cannot be removed from a listener",
        )
    kept = tuple(arn for arn in listener.certificates if arn not in gone)
    elb.account.listeners.put(listener.arn, replace(listener, certificates=kept))
    return {}


def describe_listener_certificates(elb: Elbv2, call: Call) -> Call:
    """Show the default certificate and the others."""
    listener = elb.account.listeners.before(elb.knobs.describe_lag_seconds).get(call["ListenerArn"])
    if listener is None:
        raise not_found("Listener")
    shown, following = page(listener.certificates, call, str)
    default = listener.certificates[:1]
    items = [{"CertificateArn": arn, "IsDefault": arn in default} for arn in shown]
    return {"Certificates": items, "NextMarker": following}


def describe_ssl_policies(_: Elbv2, call: Call) -> Call:
    """Show the policies of TLS versions and ciphers."""
    names = call.get("Names") or list(POLICIES)
    if absent := [name for name in names if name not in POLICIES]:
        raise ElbError("SSLPolicyNotFound", f"SSL policy '{absent[0]}' not found")
    shown, following = page(names, call, str)
    items = [
        {
            "Name": name,
            "SslProtocols": list(POLICIES[name]),
            "SupportedLoadBalancerTypes": ["application", "network"],
        }
        for name in shown
    ]
    return {"SslPolicies": items, "NextMarker": following}


def describe_account_limits(elb: Elbv2, call: Call) -> Call:
    """Show the quotas."""
    shown, following = page(list(elb.account.quotas.items()), call, lambda each: each[0])
    return {"Limits": [{"Name": name, "Max": most} for name, most in shown], "NextMarker": following}
