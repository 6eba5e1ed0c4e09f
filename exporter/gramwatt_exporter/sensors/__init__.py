"""Energy sources: one file is one source; registry.py orders them, bank.py merges them."""
