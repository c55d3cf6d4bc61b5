"""The DELs that came while the daemon was away, made good."""

import logging

from addons.cni.controller.sandboxes import Sandboxes
from addons.cni.model.requests import CniError
from addons.cni.server.spooled import read_spooled
from addons.cni.store.spool import Spool

log = logging.getLogger(__name__)


async def replay(spool: Spool, sandboxes: Sandboxes) -> int:
    """Do what was spooled, and count it; what fails waits for the next time.

    To be done before the socket is served, and again with every audit: a plugin may have found no socket just
    before there was one.
    """
    done = 0
    for spooled in spool.read():
        try:
            request = read_spooled(spooled.request)
        except CniError as error:
            spooled.put_aside(error.message)
            continue
        try:
            await sandboxes.delete(request)
        except CniError as error:
            log.warning("spooled DEL of %s: %s", request.key, error.message)
            continue
        spooled.done()
        done += 1
    return done
