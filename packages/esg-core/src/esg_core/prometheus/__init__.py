"""The metrics of applications that use `prometheus_client` in several processes (rule M-12)."""
