"""For each option, a value in both forms in which it can be given, and the options that it needs."""

from typing import Any

from esg_core.options.config import Config
from esg_core.options.conflicts import NEED_TLS
from esg_core.options.option import Argument, Option
from esg_core.options.value_types import Flag, ListOf

SAMPLES: dict[str, tuple[str, object]] = {
    "app": ("site:make.app", "site:make.app"),
    "host": ("::1", "::1"),
    "port": ("9000", 9000),
    "uds": ("/run/esg.sock", "/run/esg.sock"),
    "uds_permissions": ("0660", 0o660),
    "uds_owner": ("1000", 1000),
    "uds_group": ("www-data", "www-data"),
    "fd": ("0", 0),
    "bind": ("127.0.0.1:0, [::1]:443,unix:/run/esg.sock", ["127.0.0.1:0", "[::1]:443", "unix:/run/esg.sock"]),
    "reuse_port": ("on", True),
    "backlog": ("16", 16),
    "proxy_protocol": ("1", True),
    "app_dir": ("src", "src"),
    "factory": ("yes", True),
    "interface": ("wsgi", "wsgi"),
    "wsgi_threads": ("4", 4),
    "wsgi_body_memory": ("65536", 65536),
    "wsgi_response_buffer": ("1048576", 1048576),
    "lifespan": ("off", "off"),
    "root_path": ("/api/v1", "/api/v1"),
    "env_file": (".env", ".env"),
    "reset_contextvars": ("TRUE", True),
    "on_response": ("site.hooks:seen", "site.hooks:seen"),
    "loop": ("asyncio", "asyncio"),
    "http": ("site:protocol", "site:protocol"),
    "ws": ("none", "none"),
    "h11_max_incomplete_event_size": ("4096", 4096),
    "proxy_headers": ("off", False),
    "forwarded_allow_ips": ("10.0.0.0/8,unix", ["10.0.0.0/8", "unix"]),
    "pathsend": ("off", False),
    "server_header": ("no", False),
    "date_header": ("0", False),
    "header": ("X-Frame-Options:DENY\nX-List: a, b", ["X-Frame-Options:DENY", "X-List: a, b"]),
    "reload": ("on", True),
    "reload_dir": ("src, lib", ["src", "lib"]),
    "reload_include": ("*.html,templates", ["*.html", "templates"]),
    "reload_exclude": ("test_*", ["test_*"]),
    "reload_delay": ("1", 1.0),
    "limit_concurrency": ("100", 100),
    "limit_concurrent_requests": ("100", 100),
    "limit_connections_per_client": ("20", 20),
    "limit_websockets": ("500", 500),
    "limit_max_requests": ("1000", 1000),
    "limit_max_requests_jitter": ("50", 50),
    "limit_keepalive_requests": ("10", 10),
    "limit_request_line": ("4096", 4096),
    "limit_request_headers": ("64", 64),
    "limit_request_header_size": ("8192", 8192),
    "limit_request_body": ("1048576", 1048576),
    "timeout_keep_alive": ("65", 65),
    "timeout_request_headers": ("2.5", 2.5),
    "timeout_request": ("0", 0),
    "timeout_response": ("30", 30.0),
    "timeout_disconnected": ("0", 0.0),
    "timeout_write": ("10", 10.0),
    "timeout_write_rate": ("1000", 1000),
    "timeout_tls_handshake": ("5", 5),
    "timeout_graceful_shutdown": ("0.5", 0.5),
    "backpressure": ("on", True),
    "backpressure_initial_limit": ("20", 20),
    "backpressure_min_limit": ("2", 2),
    "backpressure_max_limit": ("200", 200),
    "backpressure_elu_max": ("0.9", 0.9),
    "backpressure_sample_window": ("0.5", 0.5),
    "backpressure_smoothing": ("1", 1),
    "backpressure_queue_size": ("0", 0),
    "backpressure_queue_timeout": ("0", 0),
    "http2": ("off", False),
    "h2_max_concurrent_streams": ("250", 250),
    "h2_max_client_resets": ("100", 100),
    "h2_max_server_resets": ("5", 5),
    "h2_max_control_frames": ("10000", 10000),
    "h2_max_stream_window": ("4194304", 4194304),
    "h2_timeout_preface": ("2.5", 2.5),
    "h2_timeout_settings": ("0", 0),
    "ws_per_message_deflate": ("false", False),
    "ws_max_size": ("65536", 65536),
    "ws_max_queue": ("1", 1),
    "ws_max_queue_bytes": ("20000000", 20000000),
    "ws_ping_interval": ("0", 0),
    "ws_ping_timeout": ("2.5", 2.5),
    "log_config": ("logging.yaml", "logging.yaml"),
    "log_level": ("TRACE", "trace"),
    "log_timestamps": ("on", True),
    "access_log": ("false", False),
    "access_log_format": ("json", "json"),
    "access_log_exclude": ("/metrics, GET /health* 2xx", ["/metrics", "GET /health* 2xx"]),
    "access_log_sample": ("0.01", 0.01),
    "request_id": ("on", True),
    "use_colors": ("off", False),
    "ssl_certfile": ("cert.pem", "cert.pem"),
    "ssl_keyfile": ("key.pem", "key.pem"),
    "ssl_keyfile_password": ("hush", "hush"),
    "ssl_sni": ("a.example=a.pem:a.key, *.b.example=b.pem", ["a.example=a.pem:a.key", "*.b.example=b.pem"]),
    "ssl_version": ("5", 5),
    "ssl_min_version": ("tlsv1.3", "TLSv1.3"),
    "ssl_cert_reqs": ("2", 2),
    "ssl_ca_certs": ("ca.pem", "ca.pem"),
    "ssl_crl": ("revoked.pem", "revoked.pem"),
    "ssl_ciphers": ("ECDHE+AESGCM", "ECDHE+AESGCM"),
    "ssl_context_factory": ("site.tls:context", "site.tls:context"),
    "workers": ("2", 2),
    "preload": ("on", True),
    "limit_worker_memory": ("512", 512),
    "limit_worker_lifetime": ("3600", 3600),
    "timeout_worker_healthcheck": ("5", 5.0),
    "prometheus_multiproc": ("off", "off"),
    "process_name": ("shop", "shop"),
    "pid_file": ("/run/esg.pid", "/run/esg.pid"),
    "shutdown_delay": ("3", 3.0),
    "health": ("true", True),
    "health_path": ("/live", "/live"),
    "ready_path": ("/ready", "/ready"),
    "admin": ("[::1]:9100", "[::1]:9100"),
    "admin_token_file": ("/run/esg.token", "/run/esg.token"),
    "slow_request": ("0.25", 0.25),
    "http3": ("on", True),
    "http3_alt_svc_max_age": ("3600", 3600),
    "preset": ("load-balancer", "load-balancer"),
}
"""For each option: a text as on the command line or in a variable, and the same as a value in TOML or a program."""


def companions(name: str) -> dict[str, Any]:
    """Other options that an option needs; all of them the same as text and as value."""
    needed = {"app": "main:app"} if name != "app" else {}
    if name in NEED_TLS:
        needed["ssl_certfile"] = "cert.pem"
    if name in ("ssl_cert_reqs", "ssl_crl"):
        needed["ssl_ca_certs"] = "ca.pem"
    return needed


def expected(name: str) -> Config:
    values = {**companions(name), name: SAMPLES[name][1]}
    return Config(**values)


def typed(option: Option, text: str) -> Argument:
    """What a parser of command lines makes of the text."""
    if isinstance(option.kind, Flag):
        return bool(option.kind.parse(text))
    return text.split(option.kind.separator) if isinstance(option.kind, ListOf) else text
