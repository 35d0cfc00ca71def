"""Sends a one-time code with requests; the key is in the header, the rest in JSON."""

import sys

import requests  # type: ignore[import-untyped, unused-ignore]

base, key, numbers, text = sys.argv[1:]
talk = requests.Session()
talk.headers["X-API-Key"] = key
answer = talk.post(f"{base}/api/v2/sms/send", json={"numbers": numbers, "message_body": text, "message_type": "otp"}, timeout=20)
sys.stdout.write(f"{answer.text}\n{answer.status_code}\n")
sys.exit(0 if answer.status_code in (200, 201) and answer.json()["success"] else 1)
