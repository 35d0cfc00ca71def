"""The gateway's tests; each folder mirrors a room."""
