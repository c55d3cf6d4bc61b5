"""The policy file of the cluster's administrator, read again when it has changed."""

from pathlib import Path

from addons.iamproxy.desired.policy import Policy, parse_policy
from addons.runtime.settings import SettingError


class PolicyFile:
    """Holds the policy of a file. Raises SettingError when it cannot be read at the start.

    Later the last good one stays in force: a slip of the pen should neither open nor shut everything.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data: bytes | None = None
        self._fault = ""
        self.policy = Policy()
        self.error = ""
        """Why the file as it is now is not in force; empty when it is."""
        if self.refresh() or self.error:
            raise SettingError(f"--policy-file {path}: {self.error}")

    def refresh(self) -> bool:
        """Read the file if it has changed; whether something new is wrong with it."""
        before, self.error = self.error, ""
        try:
            data = self._path.read_bytes()
            if data != self._data:
                self._data, self._fault = data, self._take(data)
            self.error = self._fault
        except OSError as error:
            self.error = f"cannot be read: {error.strerror}"
        return bool(self.error) and self.error != before

    def _take(self, data: bytes) -> str:
        """Put a policy into force; why that cannot be, or empty."""
        try:
            if not data.strip():
                raise ValueError("it is empty; `rules: []` permits nothing")
            self.policy = parse_policy(data)
        except ValueError as error:
            return str(error)
        return ""
