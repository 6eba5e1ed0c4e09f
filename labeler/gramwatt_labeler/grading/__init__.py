"""Grades as pure functions of numbers and data: no clock, no files, no network."""
