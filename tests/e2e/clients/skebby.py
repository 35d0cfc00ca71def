"""Uses the published package ``skebby-sdk`` as it is; only the address of its host is another one."""

import sys

from skebby_sdk import client, exceptions  # type: ignore[import-not-found, import-untyped, unused-ignore]
from skebby_sdk.api.base import BaseApi  # type: ignore[import-not-found, import-untyped, unused-ignore]

BASEURL = "https://api.skebby.it/API/v1.0/REST/"
BaseApi.BASE_URL = BASEURL.rstrip("/")

skebby = client.SkebbyClient("username", "password")
user_key, session_key = skebby.auth.login("username", "password")
assert user_key == skebby.user_key and session_key

sent = skebby.sms.send_sms("Ciao €", ["+393471234567", "+393471234568"], "GP", return_credits=True)
assert (sent["result"], sent["total_sent"]) == ("OK", 2), sent
each = [{"recipient": "+393471234567", "name": "Ada"}, {"recipient": "+393471234568", "name": "Bob"}]
personal = skebby.sms.send_parametric_sms("Hi ${name}", each, "TI", order_id="personal-" + session_key[:8], return_remaining=True)
assert personal["total_sent"] == 2, personal
state = skebby.sms.get_message_state(sent["order_id"])
assert [entry["destination"] for entry in state["recipients"]] == ["+393471234567", "+393471234568"], state
later = skebby.sms.send_sms("Later", ["+393471234567"], scheduled_delivery_time=sys.argv[1])
assert skebby.sms.get_message_state(later["order_id"])["recipients"][0]["status"] == "SCHEDULED"
skebby.sms.delete_scheduled_message(later["order_id"])
history = skebby.sms.get_history("20260101000000", page_size=1000)
assert {entry["message_type"] for entry in history["smshistory"]} >= {"GP", "TI"}, history
one = skebby.sms.get_recipient_history("+393471234568", "20260101000000")
assert one["total"] >= 2 and {entry["status"] for entry in one["rcpthistory"]} <= {2, 4, 9, 10}, one
status = skebby.user.get_status(get_money=True, type_aliases=True)
assert [entry["type"] for entry in status["sms"]] == ["N", "L", "LL", "EE", "AD"], status
try:
    skebby.sms.send_sms("x", ["nobody"])
except exceptions.SkebbyValidationException as error:
    assert "Invalid recipient: nobody" in str(error), error
try:
    skebby.contacts.get_groups()
except exceptions.SkebbyServerException as error:
    assert "not available yet" in str(error), error
try:
    client.SkebbyClient("username", "wrong-wrong")
except exceptions.SkebbyAuthException:
    sys.stdout.write(f"sent {sent['total_sent']} and {personal['total_sent']}\n")
