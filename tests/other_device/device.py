#!/usr/bin/env python3
"""A Countersign device in one file that shares no code with the crates and follows docs/protocol.md (the numbers are its sections;
for what it leaves out see tests/other_device.rs). It decides by itself (class `automated`) and keeps its keys in memory: when it ends, the device is gone. Prints one JSON object a line.
    device.py LINK --decide approve|deny [--value N|-] [--count 1]     (-: the number comes on standard input)
Exit codes: 0 approved, 1 denied or otherwise not approved, 3 expired, 4 provider or network, 5 verification failed."""
import argparse, base64, datetime, email.utils, hashlib, http.client, json, re, secrets, sys, time, unicodedata
from urllib.parse import urlsplit
from joserfc import errors, jws
from joserfc.jwk import ECKey

class Refused(Exception):  # something that must not be believed; its code is what a refusal says (11)
    code = property(lambda self: self.args[0])
BAD = (Refused, errors.JoseError, KeyError, TypeError, ValueError, AttributeError, IndexError)  # what a hostile message may cause
def must(condition, why, code="unverifiable"):
    if not condition:
        raise Refused(code, why)

# ---- 2: base64url, hashes, JSON, text
def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
def unb64(text):
    data = base64.urlsafe_b64decode(text + "==")  # lenient, hence the comparison
    must(b64(data) == text, "not canonical base64url")
    return data
def hash_of(text):
    return b64(hashlib.sha256(text if isinstance(text, bytes) else text.encode()).digest())
class Literal(str):
    """A number with a fraction, as it was sent."""
def strict(data, code="unparsable"):
    def number(text):
        must("e" not in text.lower() and len(text) <= 40 and int(text.lstrip("-").split(".")[0]) < 2**53, "a number", code)
        return Literal(text) if "." in text or text == "-0" else int(text)
    def unique(pairs):
        must(len(dict(pairs)) == len(pairs), "a name twice", code)
        return dict(pairs)
    try:
        text = data.decode() if isinstance(data, bytes) else data
        value = json.loads(text, object_pairs_hook=unique, parse_int=number, parse_float=number, parse_constant=int)
        json.dumps(value, ensure_ascii=False).encode()  # fails on half a surrogate pair
    except (ValueError, RecursionError) as error:
        raise Refused(code, str(error)) from None
    must(depth(value) <= 8, "nested too deeply", code)
    return value
def depth(value):
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()), default=0)
def tree(name, value):  # every value of a document, with the path to it
    if not isinstance(value, (dict, list)) or not value:
        return [(name, value if isinstance(value, str) else json.dumps(value))]
    items = value.items() if isinstance(value, dict) else enumerate(value, 1)
    return [line for key, item in items for line in tree(f"{name} {key}", item)]
HIDDEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U0001d159\U000e0000-\U000e0fff]")
def deceives(character):  # stricter than it must be: no joiners, no blank but the usual one
    return not character.isprintable() or HIDDEN.match(character)
def check_text(text, most=500):
    plain = unicodedata.normalize("NFD", text); marks = "".join("M" if unicodedata.category(one) in ("Mn", "Me") else "." for one in plain)
    twice = any(mark == "M" and one == next for mark, one, next in zip(marks, plain, plain[1:])) or marks[:1] == "M"  # on the caption
    must(len(text) <= most and "MMMMM" not in marks and not twice and not any(map(deceives, text)), "a text that deceives", "unshowable")
def escape(text):
    return "".join(f"\\u{{{ord(character):x}}}" if deceives(character) else character for character in text)

# ---- 2: keys and JWS
def load(jwk):
    must((jwk["kty"], jwk["crv"]) == ("EC", "P-256") and "d" not in jwk, "not a public P-256 key")
    return ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")})
def sign(typ, claims, key, own_key=False):
    header = {"alg": "ES256", "typ": typ} | ({"jwk": key.as_dict(private=False)} if own_key else {"kid": key.thumbprint()})
    claims = {name: value for name, value in claims.items() if value is not None}
    return jws.serialize_compact(header, json.dumps(claims, ensure_ascii=False).encode(), key, ["ES256"])
def part(token, number):
    return strict(unb64(token.split(".")[number]))
def open_jws(token, typ, keys, known=()):
    """The claims of a JWS of this kind, signed by one of the keys ({kid: JWK}), and the kid."""
    must(len(token) <= 16384 and token.count(".") == 2, "not a compact JWS")
    header = part(token, 0)
    must(set(header) == {"alg", "typ", "kid"} and (header["alg"], header["typ"]) == ("ES256", typ), "the header")
    must(header["kid"] in keys and len(unb64(token.split(".")[2])) == 64, "the key is not known, or the signature's length")
    key = load(keys[header["kid"]])
    must(key.thumbprint() == header["kid"], "the kid is another key's")
    jws.deserialize_compact(token, key, ["ES256"])  # a JoseError if the signature is another's
    claims = part(token, 1)
    must(set(claims.get("must_understand") or []) <= set(known), "something newer", "unsupported")
    return claims, header["kid"]

# ---- what the gateway signs: 4 manifests, 5 registration token and statement, 8 challenge, 12 outcome
def verify_manifests(chain, issuer, root, seen=None):
    """The keys of the newest manifest: {kid: {jwk, from, until, …}}."""
    jwk, before, keys = part(chain[0], 1)["root"], None, {}
    for number, token in enumerate(chain, 1):
        now, _ = open_jws(token, "key-manifest+jwt", {root: jwk})
        must((now["root"], now["iss"], now["sequence"]) == (jwk, issuer, number), "the manifests' chain")
        must(now.get("prev") == (before and before[0]) and (not before or now["iat"] >= before[1]), "the manifests' chain")
        old, keys, before = keys, {key["kid"]: key for key in now["keys"]}, (hash_of(token), now["iat"])
        must(all(load(key["jwk"]).thumbprint() == kid for kid, key in keys.items()), "a kid is another key's")
        for kid, key in old.items():
            new, end = keys.get(kid, {}), key.get("revoked_at")
            must(new.get("from") == key["from"] and (end is None or new.get("revoked_at", end + 1) <= end), "a key was unsaid")
    must(seen is None or seen in map(hash_of, chain), "the manifests were rewritten")
    return keys
def open_by(keys, token, typ, account, known=()):
    """Opens a message of the gateway: by a listed key that was good at its `iat`, meant for this account."""
    claims, kid = open_jws(token, typ, {kid: key["jwk"] for kid, key in keys.items()}, known)
    until = min(keys[kid]["until"], keys[kid].get("revoked_at", keys[kid]["until"]))
    must(keys[kid]["from"] <= claims["iat"] < until, "the key was not good then")
    about = (claims["iss"], claims.get("aud", account.id), claims["sub"])
    must(about == (account.issuer, account.id, account.subject), "meant for somebody else")
    return claims
def verify_token(token, jwks, issuer, endpoint, now):
    keys = {load(jwk).thumbprint(): jwk for jwk in jwks["keys"] if jwk.get("crv") == "P-256"}
    claims, _ = open_jws(token, "push-registration+jwt", keys)
    must(claims["iss"] == issuer and claims["aud"] == endpoint, "another issuer or endpoint")
    must(claims["exp"] - claims["iat"] <= 600 and claims["iat"] <= now + 120 and now < claims["exp"], "the link has expired")
    return claims
def verify_statement(token, keys, account):  # the device's first; version 1 has no second
    claims = open_by(keys, token, "device-enrollment+jwt", account)
    must((claims["sequence"], claims.get("prev"), claims["device_id"]) == (1, None, account.id), "not this device's first statement")
    must((claims["transport_key"], claims["approval_key"]) == account.public_keys, "the statement is about other keys")
    must(claims.get("approval_key_type", "p256") == "p256", "another type of key", "unsupported")
    return claims
def read_details(text):
    details = strict(text, "unshowable") if text is not None else []
    must(text is None or len(text.encode()) <= 6144 and isinstance(details, list) and details, "too large or empty", "unshowable")
    for one in details:
        kind = one.get("type") if isinstance(one, dict) else None
        must(type(kind) is str and kind.strip() and len(kind) <= 100, "an element without a type", "unshowable")
    for name, value in tree("", details):
        check_text(name, 1 << 14), [check_text(part, 6144) for part in re.split("[\t\n]", value)]  # a value may have several lines
    return details
def kind_of(details, scope):
    kinds = {"urn:countersign:device": "device", "payment_initiation": "payment", "account_information": "consent"}
    found = [kinds.get(one["type"], "other") for one in details]
    beyond = set((scope or "").split(" ")) - set("openid profile email phone address offline_access".split()) - {""}
    return next((kind for kind in ("device", "payment", "consent", "other") if kind in found), "consent" if beyond else "login")
KNOWN = ("iss aud sub jti iat exp approval kind kind_table provider client binding_message scope acr_values authorization_details_json "
         "interaction user_verification held context practice requested_at must_understand").split()
def check_practice(claims):  # 20: refused by who does not know it, of the provider, and nothing that somebody could be made to approve
    provider, more = claims["provider"], "binding_message scope acr_values authorization_details_json context held".split()
    must([claims["kind"], claims["interaction"]["type"], claims["user_verification"]] == ["other", "boolean", "required"], "practice", "unsupported")
    must(claims["client"] == {"id": claims["iss"], "name": provider["name"], "verified": True} and provider["issuer"] == claims["iss"]
         and "practice" in (claims.get("must_understand") or ()) and not any(name in claims for name in more), "practice", "unsupported")
def verify_challenge(token, keys, account, now):  # now: the server's time
    claims = open_by(keys, token, "authentication-challenge+jwt", account, KNOWN)
    must(claims["iat"] < claims["exp"] <= claims["iat"] + 72 * 3600, "its times")
    must(claims["provider"]["issuer"] in [claims["iss"]] + (account.statement.get("on_behalf_of") or []), "in another's name")
    ask = claims["interaction"]
    choices, length = ask.get("choices") or [], ask.get("length")
    two = len(choices) == len(set(choices)) == 3 and all(re.fullmatch("[0-9]{2}", choice) for choice in choices)
    complete = {"boolean": True, "number_choose": two, "input_manual": type(length) is int and 4 <= length <= 12}
    must(complete.get(ask["type"]) and (ask["type"] == "boolean" or ask.get("commitment")), "the interaction", "unsupported")
    claims.get("practice") in (None, False) or check_practice(claims)
    details = read_details(claims.get("authorization_details_json"))
    rank = lambda kind: {"login": 0, "payment": 2, "device": 3}.get(kind, 1)
    must(rank(claims["kind"]) >= rank(kind_of(details, claims.get("scope"))), "its kind", "weaker_kind")
    must(claims["iat"] <= now + 120, "from the future")
    must(now < claims["exp"], "its time is over", "expired")
    return claims, details
def verify_outcome(token, keys, account, challenge, answer):  # challenge and answer (or None): compact, as received and sent
    claims, asked = open_by(keys, token, "authentication-outcome+jwt", account), part(challenge, 1)
    must((claims["challenge"], claims["challenge_hash"]) == (asked["jti"], hash_of(challenge)), "about another challenge")
    named, opening, commitment = claims.get("answer_hash"), claims.get("opening"), asked["interaction"].get("commitment")
    must(named == (answer and hash_of(answer)) if named else claims["outcome"] not in ("approved", "denied"), "about another answer")
    salt = unb64(opening["salt"]) if opening else b""
    must(not opening or len(salt) == 32 and hash_of(salt + opening["value"].encode()) == commitment, "the commitment")
    return claims

# ---- 9: the transcript, by its table
DETAILS, AUTH0 = "challenge:/authorization_details_json", "urn:auth0:schemas:authorization-details:v1:"
is_text, is_literal = lambda value: type(value) is str, lambda value: isinstance(value, (bool, int, Literal))
def is_money(value):
    digits = isinstance(value, dict) and set(value) == {"amount", "currency"} and (is_text(value["amount"]) or type(value["amount"]) in (int, Literal))
    return digits and re.fullmatch(r"(0|[1-9][0-9]*)(\.[0-9]+)?", str(value["amount"])) and re.fullmatch("[A-Z]{3}", str(value["currency"]))
def is_day(value):
    try:
        return is_text(value) and bool(re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value) and datetime.date.fromisoformat(value))
    except ValueError:
        return False
def number_of(account):  # the member that has an account's number
    names = ("iban", "bban", "maskedPan", "msisdn", "other") if isinstance(account, dict) else ()
    return next((name for name in names if is_text(account.get(name))), None)
all_of = lambda test: lambda value: isinstance(value, list) and value and all(map(test, value))
# The rows of the known types: member, role, type, caption, its form, and whether the type needs it (2: always, 1: if it is there)
PAYMENT = [("instructedAmount", "amount", "money", "Amount", is_money, 2), ("creditorName", "payee", "text", "To", lambda v: is_text(v) and v.strip(), 2)]
PAYMENT += [(name, "detail", "text", label, is_text, 0) for name, label in (
    ("remittanceInformationUnstructured", "Reference"), ("creditorAgent", "To bank"), ("debtorName", "Paid by"), ("endToEndIdentification", "Payment ID"))]
PAYMENT += [("requestedExecutionDate", "detail", "date", "On", is_day, 0)]
PAYMENT += [(name, "account", "account", label, number_of, 0) for name, label in (("creditorAccount", "To account"), ("debtorAccount", "From account"))]
ACCOUNTS = [(name, "detail", "text", "Wants to", all_of(is_text), 1) for name in ("actions", "datatypes")]
ACCOUNTS += [("accounts", "account", "account", "Account", all_of(number_of), 1), ("validUntil", "detail", "date", "Valid until", is_day, 0)]
ACCOUNTS += [(name, "detail", "text", label, is_literal, 0) for name, label in (("frequencyPerDay", "Times per day"), ("recurringIndicator", "Repeatedly"))]
ROWS = {"payment_initiation": PAYMENT, "account_information": ACCOUNTS, "generic": [("title", "detail", "text", "What", is_text, 0)],
        AUTH0: [("instruction", "detail", "text", "Instruction", is_text, 0)]}
def show(text):  # a value is compared with the member's, so that nothing beyond the rules may be escaped in it
    must(escape(text) == text, "a text that this device does not show", "unshowable")
    return text
def line(role, label, value="", origin="device", kind="text", prominence=1, label_from=None):
    made = {"role": role, "label": show(label)} | ({"label_from": label_from} if label_from else {})
    value = value if kind == "money" else show(value if isinstance(value, str) else json.dumps(value))
    return made | {"type": kind, "value": value, "prominence": prominence, "from": origin}
def below(pointer, name):
    return f"{pointer}/" + str(name).replace("~", "~0").replace("/", "~1")
def leaves(value, pointer, named, label, prominence=2):  # a client_detail for each leaf, under the nearest name
    if not isinstance(value, (dict, list)) or not value:
        return [line("client_detail", label, value, DETAILS + pointer, prominence=prominence, label_from=DETAILS + named)]
    if isinstance(value, list):
        return [one for at, item in enumerate(value) for one in leaves(item, below(pointer, at), named, label, prominence)]
    return [one for name, item in value.items() for one in leaves(item, below(pointer, name), below(pointer, name), name, prominence)]
def rows_of(row, value, pointer):
    member, role, kind, label, _, _ = row
    if isinstance(value, list):
        return [one for at, item in enumerate(value) for one in rows_of(row, item, below(pointer, at))]
    if kind == "account":
        number, rest = number_of(value), []
        for name, item in value.items():
            rest += leaves(item, below(pointer, name), below(pointer, name), name) if name != number else []
        return [line(role, label, value[number], DETAILS + below(pointer, number), kind)] + rest
    money = {"amount": str(value["amount"]), "currency": value["currency"]} if kind == "money" else value
    return [line(role, label, money, DETAILS + pointer, kind)]
def property_of(key, one, pointer):  # one of Auth0's, under its `name`
    shown = 3 if isinstance(one, dict) and one.get("display") is False else 2
    if not isinstance(one, dict) or "value" not in one:
        return leaves(one, pointer, pointer, key, shown)
    named = (pointer + "/name", one["name"]) if is_text(one.get("name")) else (pointer, key)
    made = leaves(one["value"], pointer + "/value", *named, shown)
    order = one.get("display_order")
    silent = {"value"} | ({"name"} if is_text(one.get("name")) else set()) | ({"display"} if type(one.get("display")) is bool else set())
    silent |= {"display_order"} if type(order) in (int, str) and re.fullmatch("[+]?[0-9]+", str(order)) and int(order) < 2**64 else set()
    return made + [l for name, item in one.items() if name not in silent for l in leaves(item, below(pointer, name), below(pointer, name), name, shown)]
def element(at, one, client):
    pointer, auth0 = f"/{at}", one["type"].startswith(AUTH0)
    rows = ROWS.get(AUTH0 if auth0 else one["type"], ())
    known = rows and all(row[4](one[row[0]]) if row[0] in one else row[5] < 2 for row in rows if row[5])
    rows = [row for row in rows if known and row[0] in one and row[4](one[row[0]])]
    made = [made for row in rows for made in rows_of(row, one[row[0]], below(pointer, row[0]))]
    done = {row[0] for row in rows} | ({"type"} if known and not auth0 else set())
    if known and auth0 and isinstance(one.get("properties"), dict) and one["properties"]:
        done.add("properties")
        made += [l for key, item in one["properties"].items() for l in property_of(key, item, below(below(pointer, "properties"), key))]
    made += [l for name, item in one.items() if name not in done for l in leaves(item, below(pointer, name), below(pointer, name), name)]
    return [line("section", f"Details {at + 1}, as {client} names them", kind="section", label_from=DETAILS + pointer)] + made
def transcript_of(claims, details, test, statement):
    client, provider, ask = claims["client"], claims["provider"], claims["interaction"]
    named = "name" if client["name"].strip() else "id"
    name, own, foreign = client[named], client["verified"] is True, provider["issuer"] != claims["iss"]
    label = statement.get("subject_label") or ""
    utc = lambda seconds: datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = ([line("test", "TEST", "Nothing real is moved")] if test else []) + [line("kind", "Request", claims["kind"])]
    lines += [line("practice", "PRACTICE", "Nothing happens, whatever the answer")] if claims.get("practice") else []
    lines += [line("held", "Held back", "Muted, because of limits")] if claims.get("held") else []
    lines += [line("subject", "For", label if label.strip() else statement["sub"], f'statement:/{"subject_label" if label.strip() else "sub"}')]
    lines += [line("client" if own else "client_claimed", "From" if own else "Calls itself", name, f"challenge:/client/{named}")]
    lines += [line("provider_claimed" if foreign else "provider", "Tokens of, it says" if foreign else "Provider", provider["name"], "challenge:/provider/name")]
    lines += [line("provider_address", "Tokens from", provider["issuer"], "challenge:/provider/issuer")]
    lines += [line("gateway", "By way of", claims["iss"], "challenge:/iss")] if foreign else []
    lines += [made for at, one in enumerate(details) for made in element(at, one, name)]
    if "binding_message" in claims:
        lines += [line("message", f"Message from {name}", claims["binding_message"], "challenge:/binding_message", label_from=f"challenge:/client/{named}")]
    lines += [line("number", "Number", f'{ask["length"]} digits')] if ask["type"] == "input_manual" else []
    lines += [line("choice", "Number", one, f"challenge:/interaction/choices/{at}") for at, one in enumerate(ask.get("choices") or [])]
    for member, said in (claims.get("context") or {}).items():
        pointer, terminal = "challenge:" + below("/context", member), member == "terminal"
        label = "Terminal" if terminal else f'{name if said["source"] != "provider" else provider["name"]} says, {member}'
        lines += [line("terminal" if terminal else "context", label, said["value"], pointer + "/value", label_from=None if terminal else pointer)]
    lines += [line(role, label, claims[member], f"challenge:/{member}") for role, label, member in (
        ("scope", "Asks for", "scope"), ("assurance", "Assurance", "acr_values")) if member in claims]
    lines += [line("client_id", "Client", client["id"], "challenge:/client/id")]
    lines += [line(role, label, utc(claims[member]), f"challenge:/{member}", "date") for role, label, member in (
        ("asked_at", "Asked at", "requested_at"), ("answer_until", "Until", "exp"))]
    text = json.dumps({"version": 1, "challenge": claims["jti"], "locale": "en", "lines": lines}, ensure_ascii=False)
    must(len(text.encode()) <= 32768, "too long to be shown", "unshowable")
    return text

# ---- 3, 5, 6, 7, 10, 11: talking to the gateway. A reply that is none of this protocol is an OSError, as no reply is
def say(event, **members):
    print(json.dumps({"event": event} | members, ensure_ascii=False), flush=True)
class Device:
    """One account, from its link to its last outcome. `seq` and `head` are the end of its history."""
    nonce = credential = head = seen_manifest = None
    cursor, seq, seen, statement, more, wait = "", 0, {}, {}, {}, 25  # more: members of the registration
    def __init__(self, link):
        self.key, self.approval_key = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
        self.public_keys = (self.key.as_dict(private=False), self.approval_key.as_dict(private=False))
        address, _, self.link_token = link.partition("#")
        self.issuer = part(self.link_token, 1)["iss"]
        where, own = urlsplit(address), urlsplit(self.issuer)
        safe = own.scheme == "https" or own.scheme == "http" and re.fullmatch(r"127(\.\d+){3}|::1", own.hostname)
        must(safe and not own.query and not own.fragment and "@" not in own.netloc, "not an issuer")
        must(where[:2] == own[:2] and where.path.startswith(own.path.rstrip("/") + "/"), "the link is another provider's")
        self.origin, self.path = f"{own.scheme}://{own.netloc}", own.path.rstrip("/")
    def now(self):
        return int(self.offset + time.monotonic())
    def exchange(self, method, url, headers=None, body=None):
        """Status and JSON of one call; no redirect is followed. Learns the server's time and the newest nonce."""
        must(url.startswith(self.origin + "/"), "an address of another provider")
        kind = http.client.HTTPSConnection if url.startswith("https:") else http.client.HTTPConnection
        connection = kind(urlsplit(url).netloc, timeout=60)
        connection.request(method, url[len(self.origin):], body and json.dumps(body), headers or {})
        reply = connection.getresponse()
        self.offset = email.utils.parsedate_to_datetime(reply.headers["Date"]).timestamp() - time.monotonic()
        self.nonce = reply.headers.get("DPoP-Nonce") or self.nonce
        return reply.status, strict(reply.read(1 << 20) or b"null")
    def call(self, method, url, body=None, expected=None):
        """A call with its proof; once more with a fresh nonce if the gateway wants one."""
        for _ in range(2):
            proof = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url.split("?")[0], "iat": self.now(), "nonce": self.nonce,
                     "ath": hash_of(self.credential or self.link_token)}
            headers = {"DPoP": sign("dpop+jwt", proof, self.key, own_key=True), "Content-Type": "application/json"}
            headers |= {"Authorization": f"DPoP {self.credential}"} if self.credential else {}
            status, reply = self.exchange(method, url, headers, body)
            if status != 401 or reply["title"] != "use_dpop_nonce":
                break
        if status != (expected or status):
            raise ConnectionError(f"{method} {url}: {status} {reply.get('title')}: {reply.get('detail')}")
        return status, reply
    def refresh_keys(self):
        chain = self.exchange("GET", self.at["manifest_uri"])[1]["manifests"]
        self.keys = verify_manifests(chain, self.issuer, self.root, self.seen_manifest)
        self.seen_manifest = hash_of(chain[-1])
    def enroll(self):
        self.at = self.exchange("GET", f"{self.origin}/.well-known/oauth-push-notification{self.path}")[1]
        must(self.at["issuer"] == self.issuer, "discovery is another provider's")
        self.test, endpoint = self.at["mode"] != "production" or self.origin.startswith("http:"), self.at["registration_endpoint"]
        token = verify_token(self.link_token, self.exchange("GET", self.at["device_jwks_uri"])[1], self.issuer, endpoint, self.now())
        self.subject, self.root = token["sub"], token["evidence_root"]
        self.refresh_keys()
        say("link", issuer=self.issuer, subject=self.subject, subject_label=escape(token["subject_label"]), test=self.test)
        proof = {"aud": endpoint, "sub": token["sub"], "iat": self.now(), "key_protection": "memory",
                 "token_hash": hash_of(self.link_token), "transport_jkt": self.key.thumbprint()}
        _, made = self.call("POST", endpoint, {
            "countersign_version": 1, "device_class": "automated", "key_protection": "memory", "platform": "python", "device_name": "Other",
            **self.more, "registration_token": self.link_token, "interaction_types": ["boolean", "number_choose", "input_manual"],
            "public_key": self.public_keys[0], "approval_key": self.public_keys[1],
            "approval_proof": sign("device-registration+jwt", proof, self.approval_key)}, expected=201)
        must(made["subject"] == self.subject, "registered for somebody else")
        self.id, self.credential = made["device_id"], made["device_credential"]
        say("enrolled", issuer=self.issuer, subject=self.subject, device_id=self.id, device_class="automated", key_protection="memory",
            **{name: made[name] for name in made if name == "confirmation_code"})
    def fetch(self):  # the challenges that are new; takes the enrollment statement when it comes
        _, news = self.call("GET", f"{self.at['challenge_endpoint']}?wait={self.wait}&after={self.cursor}", expected=200)
        if any(part(token, 0).get("kid") not in self.keys for token in news["challenges"] + news["notices"]):
            self.refresh_keys()
        for token in news["notices"]:
            if part(token, 0)["typ"] == "device-enrollment+jwt" and not self.head:
                self.statement = verify_statement(token, self.keys, self)
                self.head = hash_of(token)
        self.cursor = news["cursor"]
        return news["challenges"]
    def send(self, challenge, verb, member, typ, key, beside={}, **more):  # signs once, sends the same bytes until they are taken or refused
        claims = {"iss": self.id, "aud": self.issuer, "sub": self.subject, "jti": "ms_" + secrets.token_urlsafe(32), "iat": self.now(),
                  "challenge": part(challenge, 1)["jti"], "challenge_hash": hash_of(challenge)}
        token = sign(typ, claims | more, key)
        while True:
            try:
                status, reply = self.call("POST", f"{self.at['challenge_endpoint']}/{claims['challenge']}/{verb}", {member: token} | beside)
                if status not in (401, 429) and status < 500:
                    return reply, token
            except OSError as error:
                say("offline", why=str(error))
            time.sleep(1)
    def decide(self, challenge, approves, value=None):
        """Verifies, shows and answers one challenge: the outcome's word, or None if there was nothing to answer."""
        try:
            claims, details = verify_challenge(challenge, self.keys, self, self.now())
            must(self.seen.setdefault(claims["jti"], challenge) == challenge, "the same id with other bytes", "conflicting")
            shown = transcript_of(claims, details, self.test, self.statement)
        except BAD as error:
            code = "unverifiable" if isinstance(error, errors.JoseError) else getattr(error, "code", "unparsable")
            say("refused", code=code)
            if code != "expired":
                self.send(challenge, "refuse", "refusal", "challenge-refusal+jwt", self.key, code=code)
            return None
        say("challenge", id=claims["jti"], kind=claims["kind"], transcript=json.loads(shown)["lines"])
        decision, asks = "approved" if approves else "denied", claims["interaction"]["type"] != "boolean"
        self.seq, prev, value = self.seq + 1, self.head, sys.stdin.readline().strip() if asks and approves and value == "-" else value
        reply, answer = self.send(
            challenge, "answer", "answer", "authentication-answer+jwt", self.approval_key if approves else self.key, {"transcript": shown},
            exp=claims["exp"], decision=decision, interaction_value=value if approves and asks else None, display_hash=hash_of(shown), locale="en",
            amr=["swk"] if approves else [], seq=self.seq, prev=prev)
        self.head = hash_of(json.dumps({"seq": self.seq, "prev": prev, "answer": hash_of(answer)}))
        outcome = verify_outcome(reply["outcome"], self.keys, self, challenge, answer)["outcome"]
        say("answered", id=claims["jti"], decision=decision, outcome=outcome)
        return outcome

def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("link")
    options.add_argument("--decide", choices=["approve", "deny"], default="deny")
    options.add_argument("--value")
    options.add_argument("--count", type=int, default=1)
    given, outcomes = options.parse_args(), []
    try:
        device = Device(given.link)
        device.enroll()
        while len(outcomes) < given.count:
            made = [device.decide(challenge, given.decide == "approve", given.value) for challenge in device.fetch()]
            outcomes += [outcome for outcome in made if outcome]
    except (OSError, *BAD) as error:
        say("failed", error=str(error))
        sys.exit(4 if isinstance(error, OSError) else 5)
    sys.exit({"approved": 0, "expired": 3}.get(outcomes[-1], 1))
if __name__ == "__main__":
    main()
