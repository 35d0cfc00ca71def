"""What old programs put on the wire, recorded once and written down as bytes.

Contract smsend 4.2. ``{H}`` is the host, ``{K1}`` and ``{S1}`` are the two keys from the login, ``{L}`` is the body's length where no
recording says it; nothing else is filled in. ``username`` and ``password`` are the real ones of the test's user.
"""

from __future__ import annotations

from dataclasses import dataclass

BASIC = "Basic dXNlcm5hbWU6cGFzc3dvcmQ="  # username:password


@dataclass(frozen=True)
class Recorded:
    """One program: how it signs in and how it sends. ``total`` is what it is told that it sent."""

    name: str
    login: str
    sms: str
    body: str
    total: int = 1
    encoding: str = "utf-8"

    def login_bytes(self, host: str) -> bytes:
        return _lines(self.login).replace("{H}", host).encode()

    def sms_bytes(self, host: str, user_key: str, key: str) -> bytes:
        body = self.body.encode(self.encoding)
        head = _lines(self.sms).replace("{H}", host).replace("{K1}", user_key).replace("{S1}", key)
        return head.replace("{L}", str(len(body))).encode() + body


def _lines(text: str) -> str:
    return text.strip("\n").replace("\n", "\r\n") + "\r\n\r\n"


JAVA = Recorded(
    "Java",
    """
GET /API/v1.0/REST//login?username=username&password=password HTTP/1.1
User-Agent: Java/17.0.15
Host: {H}
Accept: text/html, image/gif, image/jpeg, */*; q=0.2
Connection: keep-alive
""",
    """
POST /API/v1.0/REST//sms HTTP/1.1
user_key: {K1}
Session_key: {S1}
Accept: application/json
Content-type: application/json
User-Agent: Java/17.0.15
Host: {H}
Connection: keep-alive
Content-Length: 149
""",
    '{"message":"Hello world!","message_type":"N","returnCredits":false,"recipient":["+39123456789"],'
    '"scheduled_delivery_time":"Nov 21, 2026, 1:47:38 AM"}',
)
PHP = Recorded(
    "PHP",
    """
GET /API/v1.0/REST/login?username=username&password=password HTTP/1.1
Host: {H}
Accept: */*
""",
    """
POST /API/v1.0/REST/sms HTTP/1.1
Host: {H}
Accept: */*
Content-type: application/json
user_key: {K1}
Session_key: {S1}
Content-Length: 154
""",
    '{"message":"Hello world!","message_type":"N","returnCredits":false,"recipient":["+349123456789"],"sender":null,'
    '"scheduled_delivery_time":"20261121014738"}',
)
PYTHON = Recorded(
    "Python",
    """
GET /API/v1.0/REST/login?username=username&password=password HTTP/1.1
Host: {H}
User-Agent: python-requests/2.34.2
Accept-Encoding: gzip, deflate
Accept: */*
Connection: keep-alive
""",
    """
POST /API/v1.0/REST/sms HTTP/1.1
Host: {H}
User-Agent: python-requests/2.34.2
Accept-Encoding: gzip, deflate
Accept: */*
Connection: keep-alive
user_key: {K1}
Session_key: {S1}
Content-type: application/json
Content-Length: 177
""",
    '{"message": "Hello world!", "message_type": "N", "returnCredits": false, "recipient": ["+349123456789"], "sender": null, '
    '"scheduled_delivery_time": "2026-11-21T01:47:38.978521"}',
)
NODE = Recorded(
    "Node",
    """
GET /API/v1.0/REST/login?username=username&password=password HTTP/1.1
host: {H}
Connection: keep-alive
""",
    """
POST /API/v1.0/REST/sms HTTP/1.1
user_key: {K1}
Session_key: {S1}
host: {H}
accept: application/json
content-type: application/json
content-length: 155
Connection: keep-alive
""",
    '{"returnCredits":true,"recipient":["+393471234567","+393471234568"],"scheduled_delivery_time":"20171223101010",'
    '"message":"Hello world!","message_type":"N"}',
    total=2,
)
RUBY = Recorded(
    "Ruby",
    """
GET /API/v1.0/REST/login?username=username&password=password HTTP/1.1
Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3
Accept: */*
User-Agent: Ruby
Content-Type: application/json
Connection: close
Host: {H}
""",
    """
POST /API/v1.0/REST/sms HTTP/1.1
Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3
Accept: */*
User-Agent: Ruby
Content-Type: application/json
User_key: {K1}
Session_key: {S1}
Connection: close
Host: {H}
Content-Length: 112
""",
    '{"returnCredits":true,"recipient":["+393471234567","+393471234568"],"message":"Hello world!","message_type":"N"}',
    total=2,
)
CSHARP = Recorded(
    "C#",
    """
GET /API/v1.0/REST/login?username=username&password=password HTTP/1.1
Connection: keep-alive
Host: {H}
""",
    """
POST /API/v1.0/REST/sms HTTP/1.1
user_key: {K1}
Session_key: {S1}
Content-Type: application/json
Content-Length: 161
Expect: 100-continue
Host: {H}
""",
    '{"message":"Hello World!","message_type":"N","sender":null,"scheduled_delivery_time":"2017-08-18T13:31:00",'
    '"recipient":["+39349123456789"],"returnCredits":false}',
)
PERL = Recorded(
    "Perl",
    """
GET /API/v1.0/REST/login?username=username&password=password HTTP/1.1
TE: deflate,gzip;q=0.3
Connection: TE, close
Host: {H}
User-Agent: libwww-perl/6.68
Content-Type: application/json
""",
    """
POST /API/v1.0/REST/sms HTTP/1.1
TE: deflate,gzip;q=0.3
Connection: TE, close
Host: {H}
User-Agent: libwww-perl/6.68
Content-Type: application/json
Session_key: {S1}
user_key: {K1}
Content-Length: 77
""",
    '{"message":"Hello world!","recipient":["+39349123456789"],"message_type":"N"}',
)
PERL_WITHOUT_COLON = Recorded(
    "Perl, header names with dashes, Latin-1",
    PERL.login,
    PERL.sms.replace("user_key", "User-Key").replace("Session_key", "Session-Key").replace("77", "{L}"),
    '{"message":"Perché no?","recipient":["+39349123456789"],"message_type":"N"}',
    encoding="latin-1",
)
SYMFONY = Recorded(
    "Symfony",
    f"""
GET /API/v1.0/REST/token HTTP/1.1
Host: {{H}}
Authorization: {BASIC}
Connection: close
""",
    """
POST /API/v1.0/REST/sms HTTP/1.1
Host: {H}
user_key: {K1}
Access_token: {S1}
Content-type: application/json
Accept: */*
User-Agent: Symfony HttpClient (Curl)
Accept-Encoding: gzip
Content-Length: {L}
""",
    '{"message_type":"N","message":"Perch\\u00e9 no?","recipient":["+393471234567"],"sender":"MyBrand"}',
)
SKEBBY = Recorded(
    "skebby-sdk",
    f"""
GET /API/v1.0/REST/token HTTP/1.1
Host: {{H}}
User-Agent: python-requests/2.34.2
Accept-Encoding: gzip, deflate
Accept: */*
Connection: keep-alive
Authorization: {BASIC}
""",
    """
POST /API/v1.0/REST/paramsms HTTP/1.1
Host: {H}
User-Agent: python-requests/2.34.2
Accept-Encoding: gzip, deflate
Accept: */*
Connection: keep-alive
Content-Type: application/json
user_key: {K1}
Access_token: {S1}
Content-Length: {L}
""",
    '{"message": "Hi ${name}", "message_type": "GP", "recipients": [{"recipient": "+393471234567", "name": "Ada"}]}',
)
MOBYT = Recorded(
    "python-mobyt",
    f"""
GET /API/v1.0/REST/login HTTP/1.1
Host: {{H}}
Accept-Encoding: gzip, deflate
Authorization: {BASIC}
""",
    PYTHON.sms.replace("177", "{L}"),
    '{"message": "Hello", "message_type": "L", "recipient": ["+393471234567"], "sender": null}',
)
FORM = Recorded(
    "curl -d",
    PHP.login,
    PHP.sms.replace("application/json", "application/x-www-form-urlencoded").replace("154", "{L}"),
    '{"message":"Hello","message_type":"N","recipient":["+393471234567"]}',
)
ABSOLUTE = Recorded(
    "a proxy's absolute form",
    PERL.login.replace("GET /", "GET http://{H}/"),
    PERL.sms.replace("POST /", "POST http://{H}/"),
    PERL.body,
)
ALL = (JAVA, PHP, PYTHON, NODE, RUBY, CSHARP, PERL, PERL_WITHOUT_COLON, SYMFONY, SKEBBY, MOBYT, FORM, ABSOLUTE)
