"""Scales that managers make: kept in the database beside those of files, tried out before they count."""
