"""Passkeys as docs/protocol.md has them (section 21): the signature of an answer, and the creation at a registration. Shares no code with
the crates: its own strict CBOR, DER by comparison with what `cryptography` writes, ECDSA by `cryptography`."""
import hashlib, json
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
import device
from device import b64, must, strict, unb64

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

# ---- CBOR: definite lengths, shortest heads, no key twice, at most 8 deep
def cbor(data, level=1):
    """The first item and what follows it. Maps are lists of pairs, bytes are bytes."""
    must(data and level <= 8, "no CBOR item, or too deep")
    major, short, data = data[0] >> 5, data[0] & 31, data[1:]
    value = short
    if short >= 24:
        must(short <= 27 and len(data) >= 1 << (short - 24), "an indefinite length, or cut")
        size = 1 << (short - 24)
        value, data = int.from_bytes(data[:size], "big"), data[size:]
        must(major == 7 or value >= (24, 1 << 8, 1 << 16, 1 << 32)[short - 24], "longer than it must be")
    if major in (0, 1):
        return (value if major == 0 else -1 - value), data
    if major in (2, 3):
        must(len(data) >= value, "cut")
        return (data[:value] if major == 2 else data[:value].decode()), data[value:]
    if major in (4, 5):
        must(value <= len(data), "cut")
        items = []
        for _ in range(value * (major - 3)):
            item, data = cbor(data, level + 1)
            items.append(item)
        if major == 4:
            return items, data
        pairs = list(zip(items[::2], items[1::2]))
        must(all(one[0] != other[0] for at, one in enumerate(pairs) for other in pairs[:at]), "a key twice")
        return pairs, data
    must(major == 7 and short in (20, 21, 22), "a tag, a float or a break")
    return {20: False, 21: True, 22: None}[short], data
def cbor_map(data):
    value, rest = cbor(data)
    must(isinstance(value, list) and all(isinstance(pair, tuple) for pair in value) and not rest, "not one map to the end")
    return value

# ---- authenticator data, client data
def read_authenticator_data(data):
    """Flags, and the credential (id, AAGUID, x, y) where AT is set."""
    must(len(data) >= 37, "cut")
    flags, rest, credential = data[32], data[37:], None
    if flags & AT:
        length = int.from_bytes(rest[16:18], "big")
        must(1 <= length <= 1023 and len(rest) >= 18 + length, "the credential's id")
        key, after = cbor(rest[18 + length:])
        must(isinstance(key, list) and all(isinstance(pair, tuple) for pair in key), "no COSE_Key")
        key = dict(key)
        must(len(key) == 5 and (key[1], key[3], key[-1]) == (2, -7, 1), "another kind of key")
        must(isinstance(key[-2], bytes) and isinstance(key[-3], bytes) and len(key[-2]) == len(key[-3]) == 32, "its point")
        credential, rest = (rest[18:18 + length], rest[:16], key[-2], key[-3]), after
    if flags & ED:
        cbor_map(rest)
        rest = b""
    must(not rest, "something follows")
    return data[:32], flags, credential
def check_client_data(data, kind, challenge, origin):
    must(len(data) <= 2048, "too large")
    found = strict(data)
    must((found["type"], unb64(found["challenge"]), found["origin"]) == (kind, challenge, origin), "another ceremony, challenge or page")
    must(found.get("crossOrigin", False) is False and "topOrigin" not in found, "in a frame of another page")
def check_authenticator_data(data, rp_id):
    rp_hash, flags, credential = read_authenticator_data(data)
    must(rp_hash == hashlib.sha256(rp_id.encode()).digest(), "another RP ID")
    must(flags & UP and flags & UV, "nobody was there, or was not verified")
    must(flags & BE or not flags & BS, "backed up and must not be")
    return flags, credential

# ---- section 21: signatures and creations
FORM = ("authenticator_data", "client_data_json", "signature")
def third_part(text):
    found = strict(text)
    must(list(found) == list(FORM) and json.dumps(found, separators=(",", ":")) == text, "not exactly the three members")
    return [unb64(found[name]) for name in FORM]
def check_signature(parts, challenge, statement):
    """What the passkey of this statement signed for a challenge: authenticator data, client data, DER signature."""
    (data, client_data, signature), stated, key = parts, statement["webauthn"], device.load(statement["approval_key"])
    must(all(len(part) <= most for part, most in zip(parts, (1024, 2048, 72))), "too large")
    check_client_data(client_data, "webauthn.get", challenge, stated["origin"])
    flags, credential = check_authenticator_data(data, stated["rp_id"])
    must(credential is None and bool(flags & BE) == stated["backup_eligible"], "AT, or another BE than stated")
    r, s = utils.decode_dss_signature(signature)
    must(utils.encode_dss_signature(r, s) == signature and 0 < r < ORDER and 0 < s < ORDER, "not strict DER")
    try:
        key.public_key.verify(signature, data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
    except InvalidSignature:
        must(False, "the signature is another's")
def check_resumption(proof, challenge, statement):
    """A known passkey for a new transport key."""
    must(set(proof) == {"credential_id", *FORM}, "another member")
    check_signature([unb64(proof[name]) for name in FORM], challenge, statement)
def open_answer(token, statement, typ="authentication-answer+jwt"):
    """The claims of an answer that the passkey of this statement signed."""
    must((statement["approval_key_type"], statement["must_understand"]) == ("webauthn", ["approval_key_type", "webauthn"]), "no passkey")
    must(len(token) <= 16384 and token.count(".") == 2, "not a compact JWS")
    signing_input, last = token.rsplit(".", 1)
    kid = device.load(statement["approval_key"]).thumbprint()
    must(device.part(token, 0) == {"alg": "ES256-WebAuthn", "typ": typ, "kid": kid}, "the header")
    check_signature(third_part(unb64(last).decode()), hashlib.sha256(signing_input.encode()).digest(), statement)
    claims = device.part(token, 1)
    must(claims["decision"] == "approved" and claims["amr"] == [] and "uv_at" not in claims, "it says more than it may")
    return claims
def check_creation(proof, challenge, origin, rp_id, approval_key):
    check_client_data(unb64(proof["client_data_json"]), "webauthn.create", challenge, origin)
    found = dict(cbor_map(unb64(proof["attestation_object"])))
    must(set(found) == {"fmt", "attStmt", "authData"} and isinstance(found["attStmt"], list), "not an attestation object")
    must(found["fmt"] != "none" or found["attStmt"] == [], "a statement under none")
    _, credential = check_authenticator_data(found["authData"], rp_id)
    must(credential is not None and (b64(credential[2]), b64(credential[3])) == (approval_key["x"], approval_key["y"]), "another key")
    device.load(approval_key)
    return credential

# ---- PyPI's webauthn, which shares code with neither side
# What it has no rule for: these are protocol.md's own, or WebAuthn's that it leaves to its caller.
LOOSER = {"crossOrigin", "topOrigin", "a name twice in client data", "BE is another than stated", "AT set", "a fourth member", "white space",
          "another order", "padding", "ES256 by the passkey's key", "with an amr", "with a uv_at"}
def agrees(case, statement):
    """Whether the library judges an answer as the vector does; of what it has no rule for, nothing is asked."""
    if case["name"] in LOOSER:
        return True
    signing_input, last = case["jws"].rsplit(".", 1)
    return library_accepts(json.loads(unb64(last)), hashlib.sha256(signing_input.encode()).digest(), statement) == case["valid"]
def agrees_on_resumption(case, file, statement):
    return case["name"] in LOOSER or library_accepts(case["proof"], unb64(file["resume_challenge"]), statement) == case["valid"]
def library_accepts(found, challenge, statement):
    import cbor2, webauthn
    from webauthn.helpers.exceptions import WebAuthnException
    key, stated = statement["approval_key"], statement["webauthn"]
    cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: unb64(key["x"]), -3: unb64(key["y"])})
    response = {"authenticatorData": found["authenticator_data"], "clientDataJSON": found["client_data_json"], "signature": found["signature"]}
    try:
        webauthn.verify_authentication_response(
            credential={"id": "AQ", "rawId": "AQ", "type": "public-key", "response": response},
            expected_challenge=challenge, expected_rp_id=stated["rp_id"],
            expected_origin=stated["origin"], credential_public_key=cose, credential_current_sign_count=0, require_user_verification=True)
    except (WebAuthnException, ValueError):
        return False
    return True
# Accepted by the library although no root attests the key, or not as the gateway asks for beyond WebAuthn.
UNATTESTED = {"none", "packed by the passkey itself", "tpm: brought in, not made by it", "android-key: unlocked phone"}
def agrees_on_attestation(case, file):
    """Whether the library accepts an attestation under the file's root where the vector says that it is verified."""
    import webauthn
    from OpenSSL import crypto
    from webauthn.helpers.exceptions import WebAuthnException
    from webauthn.helpers.structs import AttestationFormat
    root = crypto.dump_certificate(crypto.FILETYPE_PEM, crypto.load_certificate(crypto.FILETYPE_ASN1, unb64(file["root"])))
    response = {"clientDataJSON": case["proof"]["client_data_json"], "attestationObject": case["proof"]["attestation_object"]}
    try:
        webauthn.verify_registration_response(
            credential={"id": "AQ", "rawId": "AQ", "type": "public-key", "response": response},
            expected_challenge=unb64(file["challenge"]), expected_rp_id=file["rp_id"], expected_origin=file["origin"],
            require_user_verification=True, pem_root_certs_bytes_by_fmt={one: [root] for one in AttestationFormat})
    except (WebAuthnException, ValueError):
        return case["verified"] is None and case["name"] not in UNATTESTED
    return case["verified"] is not None or case["name"] in UNATTESTED
def agrees_on_creation(case, file):
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException
    if case["name"] == "another key":  # which key is expected is no question to it
        return True
    response = {"clientDataJSON": case["proof"]["client_data_json"], "attestationObject": case["proof"]["attestation_object"]}
    try:
        webauthn.verify_registration_response(
            credential={"id": "AQ", "rawId": "AQ", "type": "public-key", "response": response},
            expected_challenge=unb64(file["registration_challenge"]), expected_rp_id=file["rp_id"], expected_origin=file["origin"],
            require_user_verification=True)
    except (WebAuthnException, ValueError):
        return not case["valid"]
    return case["valid"]
