"""Which object gets a name that several ask for."""

from collections.abc import Sequence

from addons.dns.model.claims import Claim, Claimant


def choose(claims: Sequence[Claim], current_resource: str) -> Claimant:
    """The one object whose claims to a name are granted, all of them; `claims` must not be empty.

    The object whose record exists keeps it, so that nothing flips because of a newcomer. Without one, an
    object that has targets comes before one that has none, then the older one, then the first by name.
    """
    claimants = {claim.claimant.resource: claim for claim in claims}
    if current_resource in claimants:
        return claimants[current_resource].claimant
    return min(claims, key=_seniority).claimant


def _seniority(claim: Claim) -> tuple[bool, bool, str, str]:
    claimant = claim.claimant
    return claim.is_pending, not claimant.created, claimant.created, claimant.resource
