"""A deployed model is asked with example inputs, and what serves it is measured meanwhile."""
