"""Executors: where tasks run. The contract is in :mod:`bide.engine.executors.contract`."""
