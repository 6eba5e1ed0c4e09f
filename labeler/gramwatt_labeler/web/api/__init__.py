"""The REST API under /api/v1: JSON in and out, every error with a code, where it is, and what is allowed there."""
