"""Benchmarks against other tools, side by side in one run: ``make bench``. The plain tests do not run them."""
