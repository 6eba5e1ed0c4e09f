"""Processes: which run, which are new, which have gone, how much CPU time each used, and what each belongs to."""
