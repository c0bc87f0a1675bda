"""ESG beside its peers: CPU a request, requests a second, latency and footprint, measured in one run."""
