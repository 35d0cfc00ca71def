"""Values and rules of an SMS gateway.

Here live the facts that stay true whatever the database, the web framework or the carrier: what fits into
one part, what a number looks like, what a message may become next, what a price is. Standard library and
phonenumberslite only: no clock, no input or output, no Flask, no SQLAlchemy.
"""
