"""The model used where nothing measures."""
