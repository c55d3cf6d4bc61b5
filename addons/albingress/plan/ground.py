"""What the plans of all listeners of a load balancer have in common."""

from collections.abc import Mapping

from msgspec import Struct

from addons.albingress.plan.matching import Ownership
from addons.albingress.plan.view import View


class Ground(Struct, frozen=True):
    """A load balancer by its name, whose rules are whose, and the moment.

    `needs` are the actions that must be done before a port is opened, `gates` more of them by port. `makers`:
    by target groups that are not there, the actions that make them.
    """

    load_balancer: str
    needs: tuple[str, ...]
    gates: Mapping[int, tuple[str, ...]]
    makers: Mapping[str, str]
    owned: Ownership
    view: View

    def listener(self, port: int) -> str:
        """The name of the listener of a port."""
        return f"{self.load_balancer}:{port}"
