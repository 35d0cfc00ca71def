"""Outgoing calls: one HTTP client that looks at the address it connects to. Imports nothing of the gateway."""
