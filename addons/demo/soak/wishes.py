"""What users ask for, and how they change their minds: the one truth that the end is held against."""

import random
from dataclasses import dataclass, field

from addons.demo.cluster import NAMESPACE
from addons.demo.suite.people import Owners
from addons.demo.suite.site import Site
from addons.demo.world import ZONE
from addons.sim.kubeapi.status import StatusError

FOREIGN_NAME = f"theirs.{ZONE}"
"""A name that somebody else holds in the zone; one application asks for it, in vain."""
ROLES = {"reports-reader": True, "admin": False}
"""Roles that pods ask for, and whether their namespace permits them."""
_MOST_APPS, _MOST_REPLICAS, _MOST_BATCH = 6, 3, 30


@dataclass
class App:
    """One application: so many pods, with a role or none, under a name or none, served at a host or not.

    `ingress` is what asks for the host. One that is deleted stays a while, so the next has another name.
    """

    replicas: int
    role: str = ""
    name: str = ""
    host: str = ""
    ingress: str = ""


@dataclass
class Wishes:
    """What there is to be now; `changes` counts how often somebody has changed it, by kind.

    `rng` draws the changes, `details` what depends on what there is.
    """

    site: Site
    owners: Owners
    rng: random.Random
    details: random.Random
    apps: dict[str, App] = field(default_factory=dict)
    batch: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    _numbers: int = 0

    def begin(self) -> None:
        """Ask for what stays: a name that somebody else has, and work that comes and goes."""
        self.owners.permit(NAMESPACE, "reports-*")
        for role in ROLES:
            self.site.aws.sts.create_role(role)
        self.owners.deploy("batch", 0, cpu="350m", pool="batch")
        self.owners.deploy("thief", 1, cpu="10m")
        self.owners.expose("thief", "thief", hostname=FOREIGN_NAME)
        for _ in range(3):
            self.change("deploy")

    def change(self, kind: str = "") -> str:
        """Change something, drawn; gives what was done."""
        kind = kind or self.rng.choice(
            ("deploy", "remove", "scale", "scale", "rename", "reroute", "kill a pod", "batch", "role")
        )
        if kind != "batch" and (kind == "deploy" or not self.apps):
            kind = "deploy" if len(self.apps) < _MOST_APPS else "remove"
        done = {
            "deploy": self._deploy,
            "remove": self._remove,
            "scale": self._scale,
            "rename": self._rename,
            "reroute": self._reroute,
            "kill a pod": self._kill_pod,
            "batch": self._batch,
            "role": self._change_role,
        }[kind]()
        self.changes[kind] = self.changes.get(kind, 0) + 1
        return f"{kind} {done}"

    def _draw(self) -> str:
        return self.rng.choice(sorted(self.apps))

    def _deploy(self) -> str:
        self._numbers += 1
        name = f"app{self._numbers}"
        app = App(self.rng.randint(1, _MOST_REPLICAS), self.rng.choice(("", *ROLES)))
        self.apps[name] = app
        self.owners.deploy(name, app.replicas, cpu="50m", role=app.role)
        self.owners.budget(name, 1)
        self.owners.expose(name, name)
        if self.rng.random() < 0.7:
            self._name(name, app)
        if self.rng.random() < 0.7:
            self._route(name, app)
        return name

    def _remove(self) -> str:
        name = self._draw()
        app = self.apps.pop(name)
        for plural, each in (
            ("deployments", name),
            ("poddisruptionbudgets", name),
            ("ingresses", app.ingress),
            ("services", name),
            ("services", f"{name}-pods"),
        ):
            self.owners.delete(plural, each)
        return name

    def _scale(self) -> str:
        name = self._draw()
        self.apps[name].replicas = self.rng.randint(0, _MOST_REPLICAS)
        self.owners.scale(name, self.apps[name].replicas)
        return f"{name} to {self.apps[name].replicas}"

    def _rename(self) -> str:
        """Let the pods have another name, or none."""
        name = self._draw()
        app = self.apps[name]
        self.owners.delete("services", f"{name}-pods")
        app.name = ""
        if self.rng.random() < 0.7:
            self._name(name, app)
        return f"{name} to {app.name or 'nothing'}"

    def _reroute(self) -> str:
        """Serve it at another host, or not at all."""
        name = self._draw()
        app = self.apps[name]
        self.owners.delete("ingresses", app.ingress)
        app.host = ""
        if self.rng.random() < 0.7:
            self._route(name, app)
        return f"{name} to {app.host or 'nobody'}"

    def _kill_pod(self) -> str:
        name = self._draw()
        pods = self.owners.pods(name)
        if not pods:
            return "of nobody"
        chosen: str = self.details.choice(pods)["metadata"]["name"]
        self.owners.delete_pod(chosen)
        return chosen

    def _batch(self) -> str:
        self.batch = self.rng.choice((0, 0, self.rng.randint(1, _MOST_BATCH)))
        self.owners.scale("batch", self.batch)
        return f"to {self.batch}"

    def _change_role(self) -> str:
        """Deploy it anew with another role: its pods are replaced."""
        name = self._draw()
        app = self.apps[name]
        app.role = self.rng.choice(("", *ROLES))
        store = self.site.store
        try:
            found = store.get("apps/v1", "deployments", NAMESPACE, name)
        except StatusError:
            return "of nobody"
        annotations = {"iam.amazonaws.com/role": app.role} if app.role else {}
        found["spec"]["template"]["metadata"]["annotations"] = annotations
        store.update("apps/v1", "deployments", found)
        return f"of {name} to {app.role or 'none'}"

    def _name(self, name: str, app: App) -> None:
        self._numbers += 1
        app.name = f"pods{self._numbers}.{ZONE}"
        self.owners.expose(f"{name}-pods", name, hostname=app.name, pod_records="true", ttl="5")

    def _route(self, name: str, app: App) -> None:
        self._numbers += 1
        app.host, app.ingress = f"host{self._numbers}.{ZONE}", f"{name}-{self._numbers}"
        self.owners.route(app.ingress, app.host, name)
