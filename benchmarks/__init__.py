"""Measures the system against its budgets: ``python -m benchmarks``; see docs/performance.md."""
