"""A seeded simulator: real store, control and duties; time, workers, triggerers and people are made up.

``pytest tests/simulation`` runs some hundred schedules, ``python -m tests.simulation COUNT [FIRST_SEED]`` more,
``python -m tests.simulation 1 SEED --trace`` shows one, step by step.
"""
