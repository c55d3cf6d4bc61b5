"""Who gets the processor first while many tests run at once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ahead_of_others() -> Iterator[None]:
    """The processor is first of all for this process and those that it starts meanwhile.

    botocore waits a second for an answer, a kubelet for a probe: on a busy machine neither would say anything
    about the daemon that is asked. Without the right to it all is as before.
    """
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, usual - 15)
    except PermissionError:
        yield
        return
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, usual)
