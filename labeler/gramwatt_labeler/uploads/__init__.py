"""Files that people bring: read within limits, mapped to the fields of the form, merged, and reported by line."""
