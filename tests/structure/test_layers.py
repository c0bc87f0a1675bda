"""The layers: imports point down only, siblings never import each other, and the pure modules stay pure."""

import ast
import subprocess
import sys

import pytest

from tests.support.source_tree import PACKAGES, Import, Module, found_wrong, imports, module_names, modules

BELOW = {
    "esg": {"esg_admin", "esg_cli", "esg_core", "esg_http", "esg_reload", "esg_ws"},
    "esg_admin": {"esg_core"},
    "esg_cli": {"esg_core"},
    "esg_core": set(),
    "esg_http": {"esg_core"},
    "esg_reload": set(),
    "esg_ws": {"esg_core"},
}
"""Which of our packages each package may import."""

THIRD_PARTIES = {
    "esg": {"gunicorn", "pytest"},
    "esg_admin": set(),
    "esg_cli": {"click"},
    "esg_core": set(),
    "esg_http": {"aioquic", "cryptography", "h11", "httptools"},
    "esg_reload": {"watchfiles"},
    "esg_ws": {"websockets", "wsproto"},
}
"""What each package may import at import time, besides the standard library."""

LAZY = {"esg_admin": {"rich"}, "esg_core": {"dotenv", "setproctitle", "uvloop", "yaml"}}
"""What a package may import inside functions only, because it is optional."""

SANS_IO = {
    "esg_admin.access",
    "esg_admin.documents",
    "esg_admin.entry_points",
    "esg_admin.exposition",
    "esg_admin.negotiation",
    "esg_admin.page",
    "esg_admin.paths",
    "esg_admin.request_reader",
    "esg_admin.responder",
    "esg_admin.responses",
    "esg_admin.terminal.figures",
    "esg_admin.terminal.view",
    "esg_admin.terminal.writing",
    "esg_core.admin.contracts",
    "esg_core.figures",
    "esg_core.figures.exemplars",
    "esg_core.figures.families",
    "esg_core.figures.labels",
    "esg_core.figures.lag",
    "esg_core.figures.layout",
    "esg_core.figures.merging",
    "esg_core.figures.outcomes",
    "esg_core.figures.readings",
    "esg_core.figures.totals",
    "esg_core.asgi",
    "esg_core.proxy.authority",
    "esg_core.errors",
    "esg_core.header_fields",
    "esg_core.proxy.headers",
    "esg_core.proxy.preface_extensions",
    "esg_core.prometheus.value_files",
    "esg_core.proxy.preface",
    "esg_core.proxy.forwarded_field",
    "esg_core.sockets.shares",
    "esg_core.statuses",
    "esg_core.proxy.trust",
    "esg_core.write_pace",
    "esg_core.turns",
    "esg_http.h1.body",
    "esg_http.h1.codec_h11",
    "esg_http.h1.codec_httptools",
    "esg_http.message.field_names",
    "esg_http.multiplexed.account",
    "esg_http.multiplexed.allowance",
    "esg_http.h2.coding.codes",
    "esg_http.h2.engine.control",
    "esg_http.multiplexed.costs",
    "esg_http.coding.faults",
    "esg_http.h2.coding.frames",
    "esg_http.multiplexed.request_head",
    "esg_http.h2.coding.hpack",
    "esg_http.coding.huffman",
    "esg_http.h2.engine.data",
    "esg_http.h2.engine.endings",
    "esg_http.h2.engine.engine",
    "esg_http.multiplexed.limits",
    "esg_http.h2.engine.link",
    "esg_http.multiplexed.malformed",
    "esg_http.multiplexed.priority",
    "esg_http.h2.engine.receiving",
    "esg_http.h2.engine.requests",
    "esg_http.h2.engine.sending",
    "esg_http.h2.engine.states",
    "esg_http.h2.engine.streams",
    "esg_http.h2.coding.static_table",
    "esg_http.multiplexed.base_stream",
    "esg_http.h2.engine.windows",
    "esg_http.h1.head_intake",
    "esg_http.h1.states",
    "esg_http.call.phases",
    "esg_http.h1.request_fields",
    "esg_http.message.grammar",
    "esg_http.message.head_limits",
    "esg_http.call.target",
    "esg_http.message.response_head",
    "esg_http.coding.fields",
    "esg_http.coding.literals",
    "esg_http.h2.engine.malformed",
    "esg_http.h3.coding.codes",
    "esg_http.h3.coding.frames",
    "esg_http.h3.coding.qpack",
    "esg_http.h3.coding.static_table",
    "esg_http.h3.coding.varints",
    "esg_http.h3.quic",
    "esg_http.h3.engine.bodies",
    "esg_http.h3.engine.control",
    "esg_http.h3.engine.endings",
    "esg_http.h3.engine.engine",
    "esg_http.h3.engine.link",
    "esg_http.h3.engine.malformed",
    "esg_http.h3.engine.qpack_streams",
    "esg_http.h3.engine.receiving",
    "esg_http.h3.engine.request_input",
    "esg_http.h3.engine.requests",
    "esg_http.h3.engine.sending",
    "esg_http.h3.engine.states",
    "esg_http.h3.engine.streams",
    "esg_http.h3.engine.unidirectional",
    "esg_http.multiplexed.engine.bodies",
    "esg_http.multiplexed.engine.endings",
    "esg_http.multiplexed.engine.engine",
    "esg_http.multiplexed.engine.link",
    "esg_http.multiplexed.engine.requests",
    "esg_http.multiplexed.engine.sending",
    "esg_http.multiplexed.engine.streams",
    "esg_http.multiplexed.field_count",
    "esg_http.multiplexed.response_heads",
    "esg_http.multiplexed.states",
    "esg_ws.allowance",
    "esg_ws.assembler",
    "esg_ws.codec",
    "esg_ws.codec_websockets",
    "esg_ws.codec_wsproto",
    "esg_ws.deflate",
    "esg_ws.frames",
    "esg_ws.handshake",
    "esg_ws.intake",
    "esg_ws.masking",
    "esg_ws.parts",
    "esg_ws.compression_offers",
}
"""Modules that turn values into values: no sockets, no clock, no log."""

IO = {"asyncio", "logging", "multiprocessing", "os", "selectors", "signal", "socket", "ssl", "threading", "time"}

FOREIGN_TO_EMBEDDING = (
    "click",
    "esg",
    "esg_admin",
    "esg_cli",
    "esg_reload",
    "esg_ws",
    "rich",
    "watchfiles",
    "websockets",
    "wsproto",
)


def is_ours(found: Import) -> bool:
    return found.package in PACKAGES


def pointing_up(module: Module) -> list[str]:
    """What a module imports of packages that are not below it."""
    known = BELOW[module.package] | {module.package}
    return [found.module for found in imports(module) if is_ours(found) and found.package not in known]


def undeclared(module: Module) -> list[str]:
    """What a module imports of others, and its layer may not, or not that early."""
    eager, lazy = THIRD_PARTIES[module.package], LAZY.get(module.package, set())
    foreign = [
        found for found in imports(module) if not is_ours(found) and found.package not in sys.stdlib_module_names
    ]
    return [found.module for found in foreign if found.package not in (eager if found.runs_at_import else eager | lazy)]


def impurities(module: Module) -> list[str]:
    """What a sans-I/O module may not import."""
    return [
        found.module
        for found in imports(module)
        if found.package in IO or (is_ours(found) and found.module not in SANS_IO)
    ]


def private_names_taken(module: Module) -> list[str]:
    return [
        f"{found.module}.{name}"
        for found in imports(module)
        if found.module in module_names()
        for name in found.names
        if name.startswith("_") and name != "__version__"
    ]


def test_imports_point_down_only() -> None:
    assert found_wrong(pointing_up) == {}


def test_what_is_not_ours_is_declared_for_the_layer() -> None:
    assert found_wrong(undeclared) == {}


def test_sans_io_modules_import_neither_sockets_nor_clocks_nor_logs() -> None:
    assert found_wrong(lambda module: impurities(module) if module.name in SANS_IO else []) == {}
    assert SANS_IO - module_names() == set()


def test_a_module_that_calls_itself_sans_io_is_checked_for_it() -> None:
    saying_so = {
        module.name
        for module in modules()
        if "sans-i/o" in (ast.get_docstring(module.tree) or "").lower() and module.path.name != "__init__.py"
    }
    assert saying_so - SANS_IO == set()


def test_only_public_names_cross_the_border_of_a_module() -> None:
    assert found_wrong(private_names_taken) == {}


def test_u3_importing_esg_http_imports_nothing_that_it_must_not_know() -> None:
    """U-3: `import esg_http` imports neither click, watchfiles, websockets nor the command line."""
    program = "import sys, esg_http; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert set(answer.stdout.split()).isdisjoint(FOREIGN_TO_EMBEDDING)


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_can_be_imported_first(package: str) -> None:
    program = f"import {package}; print({package}.__version__)"
    subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, check=True, timeout=30)
