"""Tables and the statements that read and write them, one file for each family.

Functions here run statements on what they are handed and never commit; the services own the transaction.
Exceptions, each measured: ``accept`` and ``claim`` are whole transactions written as one statement, because
that is what makes them fast. May import the domain; knows nothing of HTTP, dialects or carriers.
"""
