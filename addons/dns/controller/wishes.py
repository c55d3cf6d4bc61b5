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
from addons.dns.model.claims import Claims
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
        if kind == "Ingress":
            ingress = self._watches.ingress(namespace, name)
            return ingress_claims(ingress, self._scope) if ingress else Claims()
        service = self._watches.service(namespace, name)
        if service is None:
            return Claims()
        slices = self._watches.slices(namespace, name)
        return service_claims(service, slices, self._watches.nodes(), self._scope)

    def _report_homeless(self, candidates: Collection[str]) -> None:
        """Tell the objects that ask for a name which no zone is there for."""
        skips = tuple(
            Skip(name, ref, names.NO_ZONE, f"no hosted zone of ours is there for {name}")
            for name in sorted(candidates)
            for ref in self.book.homeless(name)
        )
        self._reporter.report(Plan((), skips), (), candidates)
