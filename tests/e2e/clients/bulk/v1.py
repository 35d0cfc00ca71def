"""A clinic's appointment notes: name and password in JSON."""

import sys

import requests  # type: ignore[import-untyped, unused-ignore]

base, username, password, numbers, text = sys.argv[1:]
fields = {"username": username, "password": password, "numbers": numbers, "message_body": text}
answer = requests.post(f"{base}/v1/sms/send", json=fields, timeout=15)
sys.stdout.write(f"{answer.text}\n{answer.status_code}\n")
sys.exit(0 if answer.ok and answer.json().get("success") is True else 1)
