"""Keeps the book of claims in step with the watched objects."""

from collections.abc import Callable, Collection

from addons.dns import names
from addons.dns.desired.book import ClaimBook
from addons.dns.desired.ingresses import ingress_claims
from addons.dns.desired.scope import Scope
from addons.dns.desired.services import service_claims
from addons.dns.kube.reporter import Reporter
from addons.dns.kube.watches import Object, Watches
from addons.dns.model.actions import Plan
from addons.dns.model.claims import Claim, Claims
from addons.dns.model.records import Zone
from addons.dns.model.zones import ZoneFinder
from addons.runtime.outcomes import Skip


class Wishes:
    """What all objects ask for, by zone. `wake` is told the id of every zone in which that has changed.

    Nothing is looked at before `load`: half-filled caches would only make work that is soon void.
    """

    def __init__(
        self, *, scope: Scope, watches: Watches, reporter: Reporter, wake: Callable[[str], None]
    ) -> None:
        self.book = ClaimBook()
        self._scope = scope
        self._watches = watches
        self._reporter = reporter
        self._wake = wake
        self._is_loaded = False
        self._readers: dict[str, Callable[[str, str], Claims | None]] = {
            "Service": self._service,
            "Ingress": self._ingress,
        }
        """By kind: what the object of this namespace and name asks for; None when it is gone."""

    @property
    def is_loaded(self) -> bool:
        """True once every object has been looked at."""
        return self._is_loaded

    def load(self) -> None:
        """Look at every object; the caches must be full."""
        self._is_loaded = True
        for obj in self._watches.objects():
            self.refresh(obj)

    def route(self, zones: Collection[Zone]) -> None:
        """Send every name to its zones, because zones came or went."""
        self.book.route(ZoneFinder(zones))
        self._report_homeless(self.book.homeless_names())

    def refresh(self, obj: Object) -> None:
        """Look at one object again."""
        if not self._is_loaded:
            return
        claims = self._claims(obj)
        zones = self.book.put(obj, claims)
        self._reporter.report_problems(obj, claims.problems)
        self._report_homeless({claim.name for claim in claims.claims})
        for zone_id in zones:
            self._wake(zone_id)

    def _claims(self, obj: Object) -> Claims:
        kind, namespace, name = obj
        return self._readers[kind](namespace, name) or Claims()

    def _service(self, namespace: str, name: str) -> Claims | None:
        watches, service = self._watches, self._watches.services.get(namespace, name)
        slices = watches.slices.by("service", f"{namespace}/{name}")
        return service_claims(service, slices, watches.nodes.all(), self._scope) if service else None

    def _ingress(self, namespace: str, name: str) -> Claims | None:
        ingress = self._watches.ingresses.get(namespace, name)
        return ingress_claims(ingress, self._scope) if ingress else None

    def _report_homeless(self, candidates: Collection[str]) -> None:
        """Tell the objects that ask for a name which no zone is there for."""
        skips = tuple(
            Skip(name, claim.claimant.ref, names.NO_ZONE, f"{_zone_of(claim)} is there for {name}")
            for name in sorted(candidates)
            for claim in self.book.homeless(name)
        )
        self._reporter.report(Plan((), skips), (), candidates)


def _zone_of(claim: Claim) -> str:
    pinned = f" {claim.zone_id}" if claim.zone_id else ""
    return f"no hosted zone{pinned} of ours"
