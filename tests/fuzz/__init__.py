"""Random requests, made from the OpenAPI document, against a running gateway: ``make fuzz``."""
