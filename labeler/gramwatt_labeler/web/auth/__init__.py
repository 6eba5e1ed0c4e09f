"""Who makes a request, what they may do, and the login."""
