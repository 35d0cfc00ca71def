"""Notifies as an Icinga plug-in does: GET, parameters by name, blanks as plus signs, CR LF in the text, and a text cut at a byte."""

import sys

import requests  # type: ignore[import-untyped, unused-ignore]

LONGEST = 159  # bytes

base, username, password, to, *lines = sys.argv[1:]
text = "\r\n".join(lines).encode()
if len(text) > LONGEST:
    text = text[: LONGEST - 3] + b"..."
parameters: dict[str, str | bytes] = {"username": username, "password": password, "mode": "number", "to": to, "text": text}
answer = requests.get(base + "/api.php", params=sorted(parameters.items()), timeout=5)
sys.stdout.write(f"{answer.text}\n{answer.status_code}\n")
sys.exit(0 if answer.status_code == 200 else 1)
