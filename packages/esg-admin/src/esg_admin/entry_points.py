"""Makes the responder of the admin address: the entry point of the group `esg.admin`.

The rest of the package is imported when one is made: most servers have no admin address.
"""

from esg_core.admin.contracts import AdminSettings, Responder, Source


def responder(source: Source, settings: AdminSettings) -> Responder:
    """What serves the clients of an admin address, with what `source` tells; see `ResponderFactory`."""
    from esg_admin.responder import AdminResponder

    return AdminResponder(source, settings)
