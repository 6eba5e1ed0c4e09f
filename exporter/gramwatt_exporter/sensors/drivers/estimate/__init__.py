"""The model used where nothing measures: which CPU it is, a fitted table, and watts by component with one sigma.

``identity``, ``topology``, ``frequency``, ``cpu_table`` and ``memory_model`` read what the machine says of itself;
``machine`` gathers it. ``table`` holds the fit (exporter/tools/estimate_fit.py makes it), ``power`` turns both into
watts at a load, ``calibration`` keeps what a person measured, ``live`` follows frequency and sleep states, and
``estimate`` is the sensor. docs/estimate.md explains the method.
"""
