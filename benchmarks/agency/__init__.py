"""Our Experiments beside the unmodified CC-Agency 9.3.0: ``python -m benchmarks.agency``."""
