"""What a dashboard does in a day: its number, a webhook, a telephone's key, a message thought better of, and in the end a new key."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import requests  # type: ignore[import-untyped, unused-ignore]

base, key, owner, to = sys.argv[1:]
talk = requests.Session()
talk.headers["x-api-key"] = key


def ask(method: str, path: str, status: int = 200, **options: Any) -> Any:
    answer = talk.request(method, f"{base}/v1{path}", timeout=10, **options)
    assert answer.status_code == status, (method, path, answer.status_code, answer.text)
    return answer.json().get("data") if answer.content else None


me = ask("GET", "/users/me")
phone = ask("PUT", "/phones", json={"phone_number": owner, "sim": "SIM2", "messages_per_minute": 0})
assert phone["sim"] == "SIM2", phone
hook = ask("POST", "/webhooks", 201, json={"url": "https://a.example/in", "events": ["message.phone.sent"], "phone_numbers": [owner]})
assert [each["id"] for each in ask("GET", "/webhooks", params={"limit": 100})] == [hook["id"]]
ask("DELETE", f"/webhooks/{hook['id']}")
telephone = ask("POST", "/phone-api-keys", json={"name": "front desk"})
assert telephone["api_key"].startswith("pk_"), "a telephone's key"
ask("DELETE", f"/phone-api-keys/{telephone['id']}", 204)
later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
message = ask("POST", "/messages/send", json={"from": owner, "to": to, "content": "Not after all", "send_at": later})
ask("DELETE", f"/messages/{message['id']}", 204)
ask("GET", f"/messages/{message['id']}", 404)
assert isinstance(ask("GET", "/billing/usage-history"), list)
assert isinstance(ask("GET", "/heartbeats", params={"owner": owner}), list)
fresh = ask("DELETE", f"/users/{me['id']}/api-keys")
ask("GET", "/users/me", 401)
talk.headers["x-api-key"] = fresh["api_key"]
ask("GET", "/users/me")
sys.stdout.write("a whole day\n200\n")
