"""What Bide promises, measured: ``uv run python -m benchmarks core``. See README.md in this folder."""
