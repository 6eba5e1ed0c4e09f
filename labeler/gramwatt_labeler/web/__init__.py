"""The HTTP door of the labeler."""
