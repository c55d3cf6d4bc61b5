"""What a container runtime asks (CNI specification 0.4.0, 1.0.0, 1.1.0), and what it is answered."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from addons.cni.model.assignments import PodId, SandboxKey

Command = Literal["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"]


class CniRequest(Struct, frozen=True, kw_only=True):
    """One call of the plugin, read and checked. `key` is None for the verbs that concern no container.

    `previous` is `prevResult` as the runtime has it. `valid` are the attachments that GC is to keep.
    """

    command: Command
    cni_version: str
    key: SandboxKey | None = None
    pod: PodId = PodId()
    netns: str = ""
    previous: Mapping[str, Any] | None = None
    valid: tuple[SandboxKey, ...] = ()
    config: Mapping[str, Any] = {}


class CniError(Exception):
    """A call cannot succeed; `code` is one of the specification, or 100 and more for ours.

    `reason` is one of the names of reasons, where the call was understood.
    """

    def __init__(self, code: int, message: str, details: str = "", *, reason: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.details, self.reason = code, message, details, reason


INCOMPATIBLE_VERSION, INVALID_ENVIRONMENT, IO_FAILURE, UNDECODABLE, INVALID_CONFIG, TRY_LATER = (
    1,
    4,
    5,
    6,
    7,
    11,
)
UNKNOWN_CONTAINER, NOT_AVAILABLE, LIMITED = 3, 50, 51
WIRING_FAILED, NOT_AS_WIRED, ABANDONED = 101, 102, 103
