"""Processes: who runs, who is new, who has gone, how much CPU time each used, and what each belongs to."""
