"""Generates the rule files whose content is a table."""
