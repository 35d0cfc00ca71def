"""Use cases, one file for each family of verbs. A function here tells one story from top to bottom.

It is handed a :class:`~gateway.services.core.Gateway`, opens the transaction, commits it, and answers with
domain values or raises an error of :mod:`gateway.domain.errors`. May import storage and domain; knows no HTTP,
no dialect and no carrier.
"""
