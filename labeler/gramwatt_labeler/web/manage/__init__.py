"""What managers do: scales with a preview of what would change, users and tokens, the audit. Behind the login."""
