"""Options about the application: where it is, what it speaks, what it is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from esg_core.options.groups.shorthands import FilePath
from esg_core.options.option import Group, about, option
from esg_core.options.validators import is_mount_path
from esg_core.options.value_types import Directory, Importable, Text

AppReference = Annotated[str | Callable[..., Any], Importable()]
HookReference = Annotated[str | Callable[..., Any] | None, Importable()]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ApplicationOptions:
    """The application."""

    app: AppReference = field(
        kw_only=False,
        metadata=about(
            Group.APPLICATION,
            "The application to serve, as MODULE:ATTRIBUTE.",
            "In a program, the application itself will do.",
            metavar="APP",
        ),
    )
    app_dir: Annotated[str, Directory()] = option(
        "",
        Group.APPLICATION,
        "Directory to import APP from; the current one by default.",
        "It is put in front of `sys.path`, for everything that options name as `MODULE:ATTRIBUTE`, and for the classes "
        "in the file of `log_config`.",
    )
    factory: bool = option(
        False,
        Group.APPLICATION,
        "APP is a function that returns the application.",
        "It is called once, without arguments. In a program, call it yourself.",
    )
    interface: Literal["auto", "asgi3", "asgi2", "wsgi"] = option(
        "auto",
        Group.APPLICATION,
        "Interface of the application.",
        "`auto` finds out by the parameters: `(scope, receive, send)` is ASGI 3, `(scope)` ASGI 2, "
        "`(environ, start_response)` WSGI, which runs in threads (`wsgi_threads`). What takes any number, or does not "
        "say, is ASGI 3.",
    )
    lifespan: Literal["auto", "on", "off"] = option(
        "auto",
        Group.APPLICATION,
        "Run the application's start-up and shutdown.",
        "`on`: a failure stops the server with exit code 3. `auto`: an application without lifespan is tolerated.",
    )
    root_path: Annotated[str, Text("empty, or a path that begins with /", is_mount_path, "PATH")] = option(
        "",
        Group.APPLICATION,
        "Path under which a proxy mounts the application.",
        "The ASGI `root_path`; it is put in front of the path of each request.",
    )
    env_file: FilePath = option(
        None,
        Group.APPLICATION,
        "File of variables for the application's environment.",
        "Read with `python-dotenv` before the application is imported. `ESG_*` variables in it have no effect.",
    )
    reset_contextvars: bool = option(
        False,
        Group.APPLICATION,
        "Run each request in a fresh context.",
        "Context variables that the lifespan has set are then not seen by requests.",
    )
    on_response: HookReference = option(
        None,
        Group.APPLICATION,
        "Hook that sees each response before it is sent.",
        "Called with `(scope or None, status, headers)` once for each final response, ESG's own included; may return "
        "another `(status, headers)`. In a program, the function itself will do.",
    )
