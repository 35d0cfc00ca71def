"""The httpSMS user API, version 1. ``API.md`` says what is supported."""

from __future__ import annotations
