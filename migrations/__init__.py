"""Numbered steps from an empty database to the models' schema. Each runs while the old code still serves."""
