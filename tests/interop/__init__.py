"""Our SMPP connector against SMSCs that nobody here wrote: the npm package ``smpp`` and Jasmin. ``make interop`` runs all of it."""
