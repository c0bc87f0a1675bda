"""ESG beside its peers: CPU per request, requests per second, latency and footprint, measured in one run."""
