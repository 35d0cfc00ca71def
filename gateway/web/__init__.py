"""What every dialect shares on the way in and out: request ids, bodies, authentication, errors, logs, metrics.

Knows services and domain; knows no dialect by name: ``create_app`` hands it the registry.
"""
