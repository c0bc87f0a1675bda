"""ESG, an ASGI web server: the names that its users type.

    esg.run("main:app", port=9000)            serve until the end; exits the process unless the stop was clean
    await esg.Server(esg.Config(app)).serve()   serve inside a running event loop

Holds only the logic that joins the packages. Names are imported when used, because `esg --help` should appear at once.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Unpack

    from esg import testing as testing
    from esg_core.context import ResponseHook
    from esg_core.errors import ClientDisconnected, ESGError, StartupError, UsageError
    from esg_core.lifecycle.server import Server
    from esg_core.logs.request_ids import RequestIdFilter
    from esg_core.options.config import Config
    from esg_core.options.keywords import ConfigOptions, RunOptions
    from esg_core.request_ids import request_id

__version__ = "0.2.0"

_HOMES = {
    "ClientDisconnected": "esg_core.errors",
    "Config": "esg_core.options.config",
    "ConfigOptions": "esg_core.options.keywords",
    "ESGError": "esg_core.errors",
    "RequestIdFilter": "esg_core.logs.request_ids",
    "ResponseHook": "esg_core.context",
    "RunOptions": "esg_core.options.keywords",
    "Server": "esg_core.lifecycle.server",
    "StartupError": "esg_core.errors",
    "UsageError": "esg_core.errors",
    "request_id": "esg_core.request_ids",
}


def run(app: "str | Callable[..., Any]", **options: "Unpack[RunOptions]") -> None:
    """Serve an application, given as `"module:attribute"` or as an object, until the end.

    Takes every option of the reference by keyword; keywords win over `ESG_*` variables. Returns after a clean stop.
    Otherwise raises `SystemExit`: code 1 after an end by force, 2 for wrong use, 3 for a failed start.

    A program that serves its own module must call this under `if __name__ == "__main__":`, because the module is
    imported again. Inside a server this raises `UsageError` (rule W-8).
    """
    from esg.serving import be_child_if_frozen
    from esg.serving import run as run_config
    from esg_core.errors import UsageError
    from esg_core.lifecycle.failures import report
    from esg_core.options.merging import load
    from esg_core.options.sources import Keywords

    be_child_if_frozen()
    try:
        settings = load(Keywords({"app": app, **options}))
    except UsageError as error:
        raise SystemExit(report(error)) from None
    code = run_config(settings.config, settings.again)
    if code:
        raise SystemExit(code)


if not TYPE_CHECKING:  # otherwise type checkers would accept any name

    def __getattr__(name: str) -> object:
        import importlib

        if name == "testing":
            return importlib.import_module("esg.testing")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_HOMES[name]), name)


__all__ = [
    "ClientDisconnected",
    "Config",
    "ConfigOptions",
    "ESGError",
    "RequestIdFilter",
    "ResponseHook",
    "RunOptions",
    "Server",
    "StartupError",
    "UsageError",
    "__version__",
    "request_id",
    "run",
]
