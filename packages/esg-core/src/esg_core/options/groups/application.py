"""Options about the application: where it is, which interface it has, how it is called."""

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
            "In a program, it can be the application itself.",
            metavar="APP",
        ),
    )
    app_dir: Annotated[str, Directory()] = option(
        "",
        Group.APPLICATION,
        "Directory to import APP from; the current directory by default.",
        "Inserted at the front of `sys.path`; everything that options name as `MODULE:ATTRIBUTE` is found there, and "
        "so are classes that the `log_config` file names.",
    )
    factory: bool = option(
        False,
        Group.APPLICATION,
        "Treat APP as a function that returns the application.",
        "Called once, without arguments. In a program, call it yourself.",
    )
    interface: Literal["auto", "asgi3", "asgi2", "wsgi"] = option(
        "auto",
        Group.APPLICATION,
        "Interface that the application implements.",
        "`auto` goes by the parameters: `(scope, receive, send)` is ASGI 3, `(scope)` is ASGI 2, and `(environ, "
        "start_response)` is WSGI, which runs in threads (`wsgi_threads`). If the parameters are variable or unknown, "
        "it is ASGI 3.",
    )
    lifespan: Literal["auto", "on", "off"] = option(
        "auto",
        Group.APPLICATION,
        "Run the application's start-up and shutdown (ASGI lifespan).",
        "`on`: a failure stops the server with exit code 3. `auto`: an application without lifespan is accepted.",
    )
    root_path: Annotated[str, Text("empty, or a path that begins with /", is_mount_path, "PATH")] = option(
        "",
        Group.APPLICATION,
        "Path prefix under which a proxy mounts the application.",
        "The ASGI `root_path`; it is prepended to the path of each request.",
    )
    env_file: FilePath = option(
        None,
        Group.APPLICATION,
        "File of environment variables for the application.",
        "Loaded with `python-dotenv` before the application is imported. `ESG_*` variables in it have no effect.",
    )
    reset_contextvars: bool = option(
        False,
        Group.APPLICATION,
        "Run each request in a fresh context.",
        "Requests then do not see context variables that the lifespan has set.",
    )
    on_response: HookReference = option(
        None,
        Group.APPLICATION,
        "Hook that sees each response before it is sent.",
        "Called with `(scope or None, status, headers)` once for each final response, including ESG's own; may return "
        "a different `(status, headers)`. In a program, it can be the function itself.",
    )
