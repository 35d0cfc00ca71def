"""Hands a text to a telephone's queue: requests, and an exception for anything but success."""

import sys
from typing import Any

import requests  # type: ignore[import-untyped, unused-ignore]

base, device, password, to, text = sys.argv[1:]
order: dict[str, Any] = {"deviceUsername": device, "password": password, "phoneNumbers": to.split(","), "message": text, "priority": 3}
answer = requests.post(f"{base}/api/send-sms", json=order, timeout=10)
sys.stdout.write(f"{answer.text}\n{answer.status_code}\n")
answer.raise_for_status()
assert answer.json()["message"] == "SMS queued successfully"
