"""What tests share: databases, builders, programs."""
