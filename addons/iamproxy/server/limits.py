"""How much one pod may ask: limits that keep a pod in a loop from costing its neighbours anything."""

from msgspec import Struct


class ServerLimits(Struct, frozen=True):
    """Limits of the pod-facing port.

    The defaults let 96 processes of one pod start at once, each with its own connection and three requests:
    that many fail together with kube2iam (its issue 253). `request_bytes` is for a request as it is read: one
    that was pipelined is charged for what came before it in its first read.
    """

    connections_per_pod: int = 128
    connections: int = 8192
    requests_per_second: float = 50.0
    burst: int = 600
    request_bytes: int = 8192
    idle_seconds: float = 60.0
    request_seconds: float = 10.0
    write_seconds: float = 10.0
    put_wait_seconds: float = 0.4
    """For a token that pods can do without: later than 0.5 s, Go's SDK takes it that there are none."""
    get_wait_seconds: float = 0.9
    """botocore gives up after one second."""


class Client:
    """What one address has used of its limits: connections that are open, and tokens of its bucket."""

    __slots__ = ("_limits", "_tokens", "_updated", "connections")

    def __init__(self, limits: ServerLimits, now: float) -> None:
        self._limits = limits
        self._tokens = float(limits.burst)
        self._updated = now
        self.connections = 0

    def take(self, now: float) -> bool:
        """Take the token for one request or connection; False when there is none."""
        limits = self._limits
        filled = self._tokens + (now - self._updated) * limits.requests_per_second
        self._tokens = filled if filled < limits.burst else limits.burst
        self._updated = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def is_rested(self, now: float) -> bool:
        """Whether nothing would be lost by forgetting this address."""
        filled = self._tokens + (now - self._updated) * self._limits.requests_per_second
        return self.connections == 0 and filled >= self._limits.burst


class OncePerSecond:
    """Lets one audit line about each address pass in a second: a pod in a loop must not fill the log."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._told)

    def passes(self, ip: str, now: float) -> bool:
        """Whether there was none about this address for a second."""
        if now - self._told.get(ip, float("-inf")) < 1:
            return False
        self._told[ip] = now
        return True

    def forget_rested(self, now: float) -> None:
        """Drop the addresses about which there was none for a second."""
        self._told = {ip: told for ip, told in self._told.items() if now - told < 1}


class Clients:
    """The addresses that have a connection, or had one a moment ago."""

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._clients: dict[str, Client] = {}
        self._connections = 0

    def __len__(self) -> int:
        return len(self._clients)

    def enter(self, ip: str, now: float) -> Client | None:
        """Count a new connection of an address; None when it has, or opens, too many."""
        client = self._clients.get(ip)
        if client is None:
            client = self._clients[ip] = Client(self._limits, now)
        has_room = client.connections < self._limits.connections_per_pod
        if not has_room or self._connections >= self._limits.connections or not client.take(now):
            return None
        client.connections += 1
        self._connections += 1
        return client

    def leave(self, client: Client) -> None:
        """Count a connection as closed."""
        client.connections -= 1
        self._connections -= 1

    def forget_rested(self, now: float) -> None:
        """Drop addresses that ask for nothing any more."""
        rested = [ip for ip, client in self._clients.items() if client.is_rested(now)]
        for ip in rested:
            del self._clients[ip]
