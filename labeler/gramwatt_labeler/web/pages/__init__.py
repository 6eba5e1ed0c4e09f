"""The pages of the application: server-rendered, without scripts, for a desk, a phone and paper."""
