"""What a server costs without load, for ESG beside its peers; `python -m benchmarks.footprint` runs it."""
