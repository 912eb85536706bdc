"""Speed and memory beside the peers, in one run: `make bench`.  See `benchmarks/__main__.py`."""
