"""What a machine without a meter draws: who it is, a fitted table, and watts by component with one sigma.

``identity`` and ``machine`` read what the machine says of itself, ``table`` holds the fit (made by
exporter/tools/estimate_fit.py), ``power`` turns both into watts at a load, ``calibration`` keeps what a person measured.
docs/estimate.md explains the method.
"""
