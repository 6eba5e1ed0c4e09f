"""Small models on handwritten digits and texts, each measured by epoch and phase. `python -m explore --help`."""
