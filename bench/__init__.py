"""Scripts that print every figure the documentation quotes. Each compares things measured side by side in one run."""
