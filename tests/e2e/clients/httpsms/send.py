"""Sends later today, with requests; the time carries its offset."""

import sys
from datetime import UTC, datetime, timedelta

import requests  # type: ignore[import-untyped, unused-ignore]

base, key, sender, to, text = sys.argv[1:]
when = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
order = {"from": sender, "to": to, "content": text, "send_at": when}
answer = requests.post(f"{base}/v1/messages/send", headers={"x-api-key": key}, json=order, timeout=10)
sys.stdout.write(f"{answer.text}\n{answer.status_code}\n")
answer.raise_for_status()
assert answer.json()["data"]["status"] == "pending"
