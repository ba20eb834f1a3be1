#!/usr/bin/env python3
"""An agent that asks a person before it does what can't be undone. Python alone, nothing to install."""
import base64, json, os, socket, sys, time, urllib.error, urllib.parse, urllib.request

PLAN = {"type": "generic", "title": "Delete 214 old invoices?", "where": "archive/invoices",
        "older than": "10 years", "can be undone": False, "invoices": {"2013": "61 files", "2014": "72 files", "2015": "81 files"}}
issuer, client, secret = os.environ["ISSUER"], os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
credentials = ":".join(map(urllib.parse.quote_plus, (client, secret))).encode()
basic = {"Authorization": "Basic " + base64.b64encode(credentials).decode()}
here = urllib.parse.urlsplit(issuer).hostname == "localhost"  # this machine, whatever a resolver or a proxy says
of, socket.getaddrinfo = socket.getaddrinfo, lambda *at: of("127.0.0.1", *at[1:]) + of("::1", *at[1:]) if here else of(*at)
server = urllib.request.build_opener(urllib.request.ProxyHandler({} if here else None))

def call(url, form=None):
    """The reply as an object: what was asked for, or an error in the provider's words."""
    body = form and urllib.parse.urlencode(form).encode()
    try:
        return json.load(server.open(urllib.request.Request(url, body, basic if form else {}), timeout=40))
    except (OSError, ValueError) as error:  # an error of the provider has a body; nothing else has
        said = error.read() if isinstance(error, urllib.error.HTTPError) else b""
        return json.loads(said) if said.startswith(b"{") else {"error": "unreachable", "error_description": str(error)}

def end(event, reply):
    print(json.dumps({"event": event, **reply}), flush=True)
    sys.exit({None: 0, "access_denied": 1, "expired_token": 3}.get(reply.get("error"), 4))

provider = call(issuer.rstrip("/") + "/.well-known/openid-configuration")
asked = provider if "error" in provider else call(provider["backchannel_authentication_endpoint"], {
    "scope": "openid", "login_hint": os.environ["LOGIN_HINT"], "binding_message": "Tidying up the archive",
    "authorization_details": json.dumps([PLAN])})
"auth_req_id" in asked or end("failed", asked)
print(json.dumps({"event": "acknowledged", **asked}), flush=True)
poll = {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": asked["auth_req_id"]}
pause, late = asked.get("interval", 5), time.monotonic() + asked["expires_in"] + 5
answer = {"error": "authorization_pending"}
while answer.get("error") in ("authorization_pending", "slow_down", "unreachable") and time.monotonic() < late:
    time.sleep(pause)
    answer = call(provider["token_endpoint"], poll)
    pause += 5 * (answer.get("error") == "slow_down")
end("tokens" if "id_token" in answer else "failed", answer)
