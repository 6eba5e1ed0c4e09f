"""A report over one run, a model, a user or a month: totals, charts, method, uncertainty, and the state of budgets."""
