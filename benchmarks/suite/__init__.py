"""One module per benchmark. Each has a docstring that states its method, and

    measure(system: System, scale: Scale) -> Figures

or, for what concerns Bide only, ``measure_bide``. They are listed in :mod:`benchmarks.suite.core`.
"""
