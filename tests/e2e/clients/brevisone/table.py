"""Programs that speak the API of brevis.one: the manual's command lines, and scripts as monitoring systems run them."""

from __future__ import annotations

from tests.e2e.clients.catalogue import TEXT, Program, curl

DIALECT = "brevisone"
TO = "+491701234567"
WHO = "username=$username&password=$password"
GET = f"$base/api.php?{WHO}&to=00491701234567"
PARAMETERS = ("$base", "$username", "$password")
ESCAPED = ("--data-urlencode", f"text={TEXT}")
MISSING, LOGS = "Error: Parameter miss", "Error. See Gateway logs for more information."
WRONG = "401 Unauthorized - Username or Password wrong"
FORBIDDEN = "403 Forbidden - Your User has no right to send SMS over API"
HEX = "48616c6c6f2064696573206973742065696e65205465737420534d53"
LONG = "Dienst 'Datenbank' auf srv-01 ist CRITICAL seit 08:15 Uhr; Prüfung durch poller-3 um 08:16 Uhr, Versuch 3 von 3, Auskunft: "


def _sample(name: str, *words: str, text: str = "Test", to: str = TO) -> Program:
    return curl(DIALECT, name, *words, body="OK", sent=((to, text),))


def _refused(name: str, status: int, body: str, *words: str) -> Program:
    return curl(DIALECT, name, *words, status=status, body=body)


SAMPLES = (
    _sample("curl GET", f"{GET}&text=Test&mode=number"),
    _sample("curl GET, escaped by curl", "-G", "$base/api.php", "-d", f"{WHO}&to=00491701234567", *ESCAPED, text=TEXT),
    _sample("curl POST form", "$base/api.php", "-d", f"{WHO}&to=01701234567", *ESCAPED, text=TEXT),
    _sample("curl POST multipart", "$base/api.php", *(word for pair in (
        "username=$username", "password=$password", "to=00491701234567", f"text={TEXT}") for word in ("-F", pair)), text=TEXT),
    _sample("curl POST, half in the query", f"$base/api.php?{WHO}", "-d", "to=00491701234567&text=Test"),
    _sample("curl hexmode", f"{GET}&hexmode=true&text={HEX}", text="Hallo dies ist eine Test SMS"),
    _sample("curl hexmode, UTF-8", f"{GET}&hexmode=true&text=4772c3bcc39f65", text="Grüße"),
    _sample("curl hexmode, Windows-1252", f"{GET}&hexmode=true&text=4772FCDF65", text="Grüße"),
    _sample("curl, plus not escaped", f"$base/api.php?{WHO}&to=+491701234567&text=Test"),
    _sample("curl, Windows-1252 escaped", f"{GET}&text=Gr%FC%DFe", text="Grüße"),
    _sample("curl, Windows-1252 as bare bytes", f"{GET}&text=Gr\udcfc\udcdfe", text="Grüße"),
    _sample("curl mode=user", f"$base/api.php?{WHO}&mode=user&to=Ada&text=Test"),
    curl(DIALECT, "curl mode=group", f"$base/api.php?{WHO}&mode=group&to=Admins&text=Test", body="OK",
         sent=((TO, "Test"), ("+491701234568", "Test"))),
    _sample("curl mode=telnumber", f"{GET}&mode=telnumber&text=Test"),
    _sample("curl unknown mode", f"{GET}&mode=nonsense&text=Test"),
    _sample("curl flash", f"{GET}&flash=true&text=Test"),
    _sample("curl white list", f"{GET}&list=white&regex=%5E49170&text=Test"),
    _sample("curl, odd name and password", "-G", "$base/api.php", "--data-urlencode", "username=$odd_username",
            "--data-urlencode", "password=$odd_password", "-d", "to=00491701234567&text=Test"),
    _refused("curl without to", 400, MISSING, f"$base/api.php?{WHO}&text=Test"),
    _refused("curl JSON", 400, MISSING, "$base/api.php", "--json",
             '{"username":"$username","password":"$password","to":"00491701234567","text":"x"}'),
    _refused("curl wrong password", 401, WRONG, "$base/api.php?username=$username&password=wrong&to=00491701234567&text=Test"),
    _refused("curl without the permission", 403, FORBIDDEN,
             "$base/api.php?username=$reader&password=$password&to=00491701234567&text=Test"),
    _refused("curl unknown group", 400, LOGS, f"$base/api.php?{WHO}&mode=group&to=Nobody&text=Test"),
    _refused("curl unknown mode with a name", 400, LOGS, f"$base/api.php?{WHO}&mode=nonsense&to=Admins&text=Test"),
    _refused("curl telauto=false", 400, LOGS, f"{GET}&mode=telnumber&telauto=false&text=Test"),
    _refused("curl black list", 400, LOGS, f"{GET}&list=black&regex=%5E49170&text=Test"),
    _refused("curl bad hex", 400, LOGS, f"{GET}&hexmode=true&text=4a4"),
    _refused("curl ring", 400, LOGS, f"{GET}&ring=true&text=Test"),
    _refused("curl, no pager set", 400, LOGS, f"$base/api.php?{WHO}&to=None&text=Test"),
)  # fmt: skip

ZABBIX = ("-X", "POST", "-H", "Content-Type: multipart/form-data", "-d", "")
SCRIPTS = (
    curl(DIALECT, "Zabbix", *ZABBIX, f"$base/api.php?{WHO}&to=37167784742&text=Problem%3A%20Disk%0AHost%3A%20a", body="OK",
         sent=(("+37167784742", "Problem: Disk\nHost: a"),)),
    curl(DIALECT, "Zabbix, to a group", *ZABBIX, f"$base/api.php?{WHO}&to=Admins&mode=group&flash=true&telauto=false&text=Disk", body="OK",
         sent=((TO, "Disk"), ("+491701234568", "Disk"))),
    Program(DIALECT, "Icinga, requests", ("python", "icinga.py", *PARAMETERS, "00491701234567", "Host: a", f"State: {TEXT}"), body="OK",
            sent=((TO, f"Host: a\nState: {TEXT}"),)),
    Program(DIALECT, "Icinga, cut inside a letter", ("python", "icinga.py", *PARAMETERS, "00491701234567", "x" * 155 + "é" * 9), body="OK",
            sent=((TO, "x" * 155 + "\N{REPLACEMENT CHARACTER}..."),)),
    Program(DIALECT, "Checkmk, TLS and then plain", ("python", "checkmk.py", "$base", "$plain", *PARAMETERS[1:], "01701234567", TEXT),
            body="OK", sent=((TO, TEXT),)),
    Program(DIALECT, "requests, then state.php", ("python", "watched.py", *PARAMETERS, "00491701234567", TEXT), sent=((TO, TEXT),)),
    Program(DIALECT, "PHP curl", ("php", "alert.php", *PARAMETERS, "00491701234567", TEXT), body="OK", sent=((TO, TEXT),)),
    Program(DIALECT, "PHP Guzzle", ("php", "alert_guzzle.php", *PARAMETERS, "00491701234567", TEXT), body="OK", sent=((TO, TEXT),)),
    Program(DIALECT, "Node fetch", ("node", "alert.mjs", *PARAMETERS, "00491701234567", TEXT), body="OK", sent=((TO, TEXT),)),
    Program(DIALECT, "Node axios", ("node", "alert_axios.mjs", *PARAMETERS, "00491701234567", TEXT), body="OK", sent=((TO, TEXT),)),
)  # fmt: skip

HEALTH = (
    Program(DIALECT, "check_brevisone", ("python", "check.py", "$base")),
    curl(DIALECT, "curl check.php?option=que", "$base/check.php?option=que"),
    curl(DIALECT, "curl check.php, unknown option", "$base/check.php?option=nothing", body=""),
)
PROGRAMS = (*SAMPLES, *SCRIPTS, *HEALTH)
