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
            if not data.strip():
                raise ValueError("it is empty; `rules: []` permits nothing")
            if data != self._data:
                self.policy = parse_policy(data)
                self._data = data
        except OSError as error:
            self.error = f"cannot be read: {error.strerror}"
        except ValueError as error:
            self.error = str(error)
        return bool(self.error) and self.error != before
