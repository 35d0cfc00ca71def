"""Sends with requests and asks what became of the message by the id in the answer's header."""

import sys

import requests  # type: ignore[import-untyped, unused-ignore]

base, username, password, to, text = sys.argv[1:]
answer = requests.post(f"{base}/api.php", data={"username": username, "password": password, "to": to, "text": text}, timeout=5)
state = requests.get(f"{base}/state.php", params={"uid": answer.headers["X-Message-Id"]}, timeout=5)
sys.stdout.write(f"{state.text}\n{answer.status_code}\n")
sys.exit(0 if answer.status_code == 200 and state.text.startswith("Status : ") and state.text[9:].strip().isupper() else 1)
