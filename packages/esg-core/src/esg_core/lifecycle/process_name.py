"""Names the processes of a server, as `ps` and `top` show them (rule W-12).

Knows the option, and the library that does it, which is optional.
"""

from typing import TYPE_CHECKING

from esg_core.errors import UsageError
from esg_core.installing import how_to_install

if TYPE_CHECKING:
    from esg_core.options.config import Config

LIBRARY = "setproctitle"


class _Known:
    """What the application is called; forked workers have the application itself from their parent."""

    app = ""


def name_process(config: "Config", role: str) -> None:
    """Set the title of this process, if the configuration has a name for it. Raises `UsageError` without the library.

    `esg: worker [main:app]`; a process that is alone has no role, and an application of a program no name.
    """
    if config.process_name is None:
        return
    try:
        from setproctitle import setproctitle
    except ImportError:
        option = config.spell("process_name")
        raise UsageError(f"{option} needs {LIBRARY}, which is not installed: {how_to_install(LIBRARY)}") from None
    if isinstance(config.app, str):
        _Known.app = f" [{config.app}]"
    setproctitle(f"{config.process_name}{f': {role}' if role else ''}{_Known.app}")
