"""Calling programs when something happens.

``outbox`` writes a call down in the transaction of its event, ``sending`` makes it, ``replay`` makes it again and forgets it, ``endpoints``
keeps where to. ``smsend``, ``httpsms`` and ``native`` are the three ways to say it; ``kinds`` lists them.
"""
