"""Makes a key for three days, replaces it, ends it, and sees at each step what still opens the door."""

import sys

import requests  # type: ignore[import-untyped, unused-ignore]

base, username, password = sys.argv[1:]
who = {"username": username, "password": password}


def opens(key: str) -> int:
    return requests.get(f"{base}/api/v2/account/balance", headers={"X-API-Key": key}, timeout=10).status_code


first = requests.post(f"{base}/api/generate-key", data=who | {"expiry_days": "3"}, timeout=10).json()
assert first["success"] and first["data"]["api_key"] == first["api_key"] and first["data"]["expires_at"], first
assert opens(first["api_key"]) == 200
second = requests.post(f"{base}/api/regenerate-key", headers={"X-API-Key": first["api_key"]}, timeout=10).json()
assert second["data"]["expires_at"] is None, second
assert (opens(first["api_key"]), opens(second["api_key"])) == (401, 200)
last = requests.post(f"{base}/api/revoke-key", json=who, timeout=10)
assert opens(second["api_key"]) == 401
sys.stdout.write(f"{last.json()['message']}\n{last.status_code}\n")
