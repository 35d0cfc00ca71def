"""Signs in and sends one message, as a script of a customer does it: requests, nothing else."""

import datetime
import json
import sys

import requests  # type: ignore[import-untyped, unused-ignore]

BASEURL = "http://app.gateway.smsend.it/API/v1.0/REST/"


def login(username, password):
    answer = requests.get(f"{BASEURL}login?username={username}&password={password}")
    if answer.status_code != 200:
        return None
    user_key, session_key = answer.text.split(";")
    return user_key, session_key


def call(method, path, keys, body=None):
    headers = {"user_key": keys[0], "Session_key": keys[1], "Content-type": "application/json"}
    answer = requests.request(method, BASEURL + path, headers=headers, data=body and json.dumps(body, default=str))
    return answer.status_code, json.loads(answer.text)


keys = login("username", "password")
if keys is None:
    sys.exit("cannot sign in")
body = {
    "message": "Hello world!",
    "message_type": "N",
    "returnCredits": False,
    "recipient": ["+349123456789"],
    "sender": None,
    "scheduled_delivery_time": (datetime.datetime.now() + datetime.timedelta(days=2)).isoformat(),  # noqa: DTZ005 - as old programs do
}
status, sent = call("POST", "sms", keys, body)
if status != 201 or sent["result"] != "OK":
    sys.exit(f"not sent: {status}")
status, state = call("GET", "sms/" + sent["order_id"], keys)
if [each["status"] for each in state["recipients"]] != ["SCHEDULED"]:
    sys.exit(f"not scheduled: {state}")
status, cancelled = call("DELETE", "sms/" + sent["order_id"], keys)
if status != 200 or cancelled["result"] != "OK":
    sys.exit(f"not cancelled: {status}")
status, refused = call("POST", "sms", keys, {"message": "x"})
sys.stdout.write(f"sent {sent['total_sent']} refused {status} {refused['error_code']}\n")
