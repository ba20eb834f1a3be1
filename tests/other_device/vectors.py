#!/usr/bin/env python3
"""Judges the messages in tests/vectors with device.py: what is good must be accepted, what is bad refused. With a document it also
verifies every compact JWS in it, and that none was forgotten. One JSON line per file; exit code 0 if everything is as it should be, else 5.

    vectors.py FOLDER [DOCUMENT]"""
import hashlib, json, pathlib, re, sys
sys.dont_write_bytecode = True  # a test leaves nothing behind
import device, passkey
from device import BAD, hash_of, must, part, unb64

# Valid texts that this device escapes all the same: it takes no joiners and no spaces but the usual one (protocol.md, section 2, allows
# to be stricter).
STRICTER = {"emoji with joiners", "Persian with a non-joiner", "Persian with a joiner beside a digit",
            "Persian with a joiner beside a quotation mark", "thin spaces"}

PASSKEY_MEMBERS = ("approval_key_type", "webauthn")

class World:
    """What tests/vectors/world.json says: an issuer, a user, a device, and the time."""
    def __init__(self, folder):
        world = json.loads((folder / "world.json").read_text())
        vars(self).update(world)
        self.id, self.public_keys = self.device_id, tuple({n: k[n] for n in ("kty", "crv", "x", "y")} for k in (self.transport_key, self.approval_key))
        self.keys = device.verify_manifests(self.manifests, self.issuer, self.root)
        self.statement = {}  # none yet: nobody may be spoken for
        self.statement = device.verify_statement(self.statements[0], self.keys, self)
        self.own = {device.load(key).thumbprint(): key for key in self.public_keys}

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
def ref_of(approval):  # section 2
    bits = int.from_bytes(hashlib.sha256(approval.encode()).digest()[:5], "big")
    text = "".join(ALPHABET[bits >> shift & 31] for shift in range(35, -1, -5))
    return f"{text[:4]}-{text[4:]}"
def read_ref(text):
    text = text.upper().replace("-", "").translate(str.maketrans("OIL", "011"))
    must(len(text) == 8 and set(text) <= set(ALPHABET), "not a reference")
    return f"{text[:4]}-{text[4:]}"

def accepts(judge, *arguments):
    try:
        judge(*arguments)
        return True
    except BAD:
        return False

def check_world(world):
    device.verify_statement(world.statements[0], world.keys, world)
    must(hash_of(world.details) == world.details_hash, "details_hash")
    must(hash_of(device.unb64(world.opening["salt"]) + world.opening["value"].encode()) == world.commitment, "the commitment")
    for chain in (world.manifests[1:], world.manifests[::-1], []):
        must(not accepts(device.verify_manifests, chain, world.issuer, world.root), "a chain with a hole was accepted")
    other = hash_of("another root")
    must(not accepts(device.verify_manifests, world.manifests, world.issuer, other), "another root was accepted")
    must(not accepts(device.verify_manifests, world.manifests[:1], world.issuer, world.root, hash_of(world.manifests[1])), "a key was unsaid")

def check_answer(token, file, world):
    claims, _ = device.open_jws(token, file["typ"], world.own)
    check_answer_claims(claims, file, world, world.statements[0])
def check_answer_claims(claims, file, world, first):
    asked = part(file["challenge"], 1)
    must((claims["challenge"], claims["challenge_hash"]) == (asked["jti"], hash_of(file["challenge"])), "about another challenge")
    must((claims["iss"], claims["aud"], claims["sub"], claims["exp"]) == (world.id, world.issuer, world.subject, asked["exp"]), "not its own")
    must(claims["display_hash"] == hash_of(file["transcript"]), "another transcript")
    check_transcript(file["transcript"], *device.verify_challenge(file["challenge"], world.keys, world, asked["iat"]), world)
    must(claims["seq"] > 1 or claims["prev"] == hash_of(first), "its history begins with the statement")

LEAST = {role: 1 for role in "test practice kind number client client_claimed provider gateway message choice amount payee".split()}
LEAST |= {role: 3 for role in "section client_id assurance context asked_at".split()}
OWN = {"test": 1, "practice": 1, "kind": 1, "held": 1, "first_request": 1, "repeat": 1, "number": 1, "warning": 99, "section": 99}  # how often at most
def check_transcript(text, claims, details, world):
    """Section 9 but for captions, which each verifier knows for itself."""
    shown, wanted = device.strict(text), json.loads(device.transcript_of(claims, details, False, world.statement))["lines"]
    must((shown.pop("version"), shown.pop("challenge"), shown.pop("locale")) == (1, claims["jti"], "en"), "of something else")
    must(list(shown) == ["lines"], "another member")
    wanted = {(line["role"], line["from"]): line for line in wanted if line["from"] != "device"}
    place = lambda source: int((re.match(r"challenge:/authorization_details_json/(\d+)(/|$)", source or "") or [0, -1])[1])
    inside, begun, choices, own = -1, 0, 0, []
    for line in shown["lines"]:
        role, source = line["role"], line["from"]
        must(set(line) - {"label_from"} == {"role", "label", "type", "value", "prominence", "from"}, "another member")
        if source == "device":
            own.append(role)
            must(role in OWN and own.count(role) <= OWN[role] and line["type"] == ("section" if role == "section" else "text"), "not the device's")
            element, inside = place(line.get("label_from")), inside if role == "section" else -1
            if role == "section" and element == begun:
                inside, begun = element, begun + 1
            must(role != "section" or element == inside, "a section out of place")
        else:
            asked = wanted.pop((role, source))
            must([asked.get(name) for name in ("type", "value", "label_from")] == [line.get(name) for name in ("type", "value", "label_from")], "another value")
            must(place(source) in (-1, inside), "out of place")
            inside, choices = place(source), choices + (role == "choice")
            must(role != "choice" or source.endswith(f"/{choices - 1}"), "choices out of order")
        least = 3 if role == "scope" and claims["kind"] == "login" else asked["prominence"] if role == "client_detail" else LEAST.get(role, 2)
        must(line["prominence"] in range(1, least + 1), "folded")
    must(not wanted and begun == len(details) and own.count("kind") == 1, "asked and not shown")
    kind = claims["interaction"]["type"]
    must(own.count("practice") == bool(claims.get("practice")), "practice")
    must(own.count("held") == bool(claims.get("held")) and own.count("number") in {"input_manual": [1], "boolean": [0]}.get(kind, [0, 1]), "held, number")

def check_evidence(text, world):
    """Section 14."""
    must(text.endswith("\n"), "no line feed")
    file = device.strict(text)
    must(json.dumps(file, separators=(",", ":"), ensure_ascii=False) + "\n" == text, "not the one form")
    members = ["manifests", "statements", "challenge", "answer", "transcript", "outcome"]
    must(list(file) == [name for name in members if name in file], "its members")
    keys = device.verify_manifests(file["manifests"], world.issuer, world.root)
    first = file["statements"][0]
    statement = device.open_by(keys, first, "device-enrollment+jwt", world, PASSKEY_MEMBERS)
    must((statement["sequence"], statement.get("prev"), statement["device_id"]) == (1, None, world.id), "not the device's first statement")
    device.verify_challenge(file["challenge"], keys, world, part(file["challenge"], 1)["iat"])
    if statement.get("approval_key_type", "p256") == "webauthn":  # section 21
        check_answer_claims(passkey.open_answer(file["answer"], statement), file, world, first)
    else:
        device.verify_statement(first, keys, world)
        check_answer(file["answer"], {"typ": "authentication-answer+jwt", **file}, world)
    device.verify_outcome(file["outcome"], keys, world, file["challenge"], file["answer"])
    must(part(file["outcome"], 1)["enrollment_hash"] == hash_of(first), "by another statement")

def check_evidence_file(folder, world):
    text = (folder / "evidence.json").read_text()
    check_evidence(text, world)
    for at in range(0, len(text), 97):
        changed = text[:at] + ("B" if text[at] != "B" else "C") + text[at + 1:]
        must(not accepts(check_evidence, changed, world), f"a change at {at} went unnoticed")

def cases(folder, world):
    """For each file: its cases, and how to judge the text of one."""
    read = lambda name: json.loads((folder / f"{name}.json").read_text())
    challenge, answer, outcome, token = (read(name) for name in ("challenge", "answer", "outcome", "registration_token"))
    endpoint, texts = token["registration_endpoint"], read("text")
    yield "challenge", challenge["cases"], lambda text: device.verify_challenge(text, world.keys, world, world.now)
    yield "answer", answer["cases"], lambda text: check_answer(text, answer, world)
    yield "outcome", outcome["cases"], lambda text: device.verify_outcome(text, world.keys, world, outcome["challenge"], outcome["answer"])
    yield "registration_token", token["cases"], lambda text: device.verify_token(text, world.device_jwks, world.issuer, endpoint, world.now)
    yield "enrollment_statement", read("enrollment_statement")["cases"], lambda text: device.verify_statement(text, world.keys, world)
    refs = read("ref")
    must(all(ref_of(one["approval"]) == one["ref"] for one in refs["approvals"]), "a reference is another")
    must(all(read_ref(case["text"]) == case["ref"] for case in refs["cases"] if case["valid"]), "a reference is read otherwise")
    transcript = read("transcript")
    yield "transcript", transcript["cases"], lambda text: check_transcript(
        text, *device.verify_challenge(transcript["challenge"], world.keys, world, world.now), world)
    yield "ref", refs["cases"], read_ref
    passkeys = read("passkey")
    statement = passkey_statement(passkeys, world)
    yield "passkey", passkeys["cases"], lambda text: passkey.open_answer(text, statement)
    yield "json", read("json")["cases"], device.strict
    yield "text.details", texts["details"], device.read_details
    yield "text.texts", texts["texts"], lambda text: must(text.strip(), "empty") or device.check_text(text)

def check_passkeys(file, world):
    """Section 21: what passkey.py says of each creation, known passkey and evidence; and of all signatures, whether PyPI's webauthn agrees. The names of those judged otherwise."""
    asked = f"countersign-registration.{file['token_hash']}.{file['transport_jkt']}"
    must(hash_of(asked) == file["registration_challenge"], "the challenge of a registration")
    statement = passkey_statement(file, world)
    creation = lambda case: accepts(passkey.check_creation, case["proof"], unb64(file["registration_challenge"]), file["origin"], file["rp_id"], file["approval_key"])
    wrong = [case["name"] for case in file["creations"] if creation(case) != case["valid"]]
    wrong += ["webauthn: " + case["name"] for case in file["cases"] if not passkey.agrees(case, statement)]
    asked = f"countersign-resume.{file['token_hash']}.{file['transport_jkt']}"
    must(hash_of(asked) == file["resume_challenge"], "the challenge of a known passkey")
    known = lambda case: accepts(passkey.check_resumption, case["proof"], unb64(file["resume_challenge"]), statement)
    wrong += [case["name"] for case in file["evidence"] if accepts(check_evidence, case["text"], world) != case["valid"]]
    wrong += [case["name"] for case in file["resumptions"] if known(case) != case["valid"]]
    wrong += ["webauthn: " + case["name"] for case in file["resumptions"] if not passkey.agrees_on_resumption(case, file, statement)]
    wrong += ["webauthn: " + case["name"] for case in file["creations"] if not passkey.agrees_on_creation(case, file)]
    print(json.dumps({"event": "judged", "file": "passkey.creations", "cases": sum(len(file[kind]) for kind in ("creations", "resumptions", "evidence")), "wrong": wrong}), flush=True)
    return len(wrong)
def check_attestations(file):
    """Section 21: whether each creation is one, and whether PyPI's webauthn believes the attestations that are believed."""
    creation = lambda case: accepts(passkey.check_creation, case["proof"], unb64(file["challenge"]), file["origin"], file["rp_id"], file["approval_key"])
    wrong = [case["name"] for case in file["cases"] if case["valid"] and not creation(case)]
    wrong += ["webauthn: " + case["name"] for case in file["cases"] if not passkey.agrees_on_attestation(case, file)]
    print(json.dumps({"event": "judged", "file": "attestation", "cases": len(file["cases"]), "wrong": wrong}), flush=True)
    return len(wrong)
def passkey_statement(file, world):
    return device.open_by(world.keys, file["statement"], "device-enrollment+jwt", world, PASSKEY_MEMBERS)

def check_document(document, world):
    """Every example is signed by the key that its kind of message calls for. How many there were."""
    root = part(world.manifests[0], 1)["root"]
    of_gateway, of_link = {kid: key["jwk"] for kid, key in world.keys.items()}, {device.load(key).thumbprint(): key for key in world.device_jwks["keys"]}
    signers = {"key-manifest+jwt": {world.root: root}, "push-registration+jwt": of_link, "authentication-answer+jwt": world.own,
               "device-registration+jwt": world.own, "challenge-refusal+jwt": world.own, "approval-dispute+jwt": world.own}
    tokens = re.findall(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+", document)
    for token in tokens:
        header = part(token, 0)
        if header["typ"] == "dpop+jwt":
            device.jws.deserialize_compact(token, device.load(header["jwk"]), ["ES256"])
            must(header["jwk"] == world.public_keys[0], "a proof by another key than the transport key")
        else:
            device.open_jws(token, header["typ"], signers.get(header["typ"], of_gateway), device.KNOWN)
    return len(tokens)

def main(folder, document=None):
    folder, wrong = pathlib.Path(folder), 0
    world = World(folder)
    check_world(world)
    check_evidence_file(folder, world)
    judged = {"world", "evidence"}
    for name, examples, judge in cases(folder, world):
        bad = [case["name"] for case in examples
               if accepts(judge, case.get("jws", case.get("text"))) != (case["valid"] and not (name == "text.texts" and case["name"] in STRICTER))]
        wrong += len(bad)
        judged.add(name.split(".")[0])
        print(json.dumps({"event": "judged", "file": name, "cases": len(examples), "wrong": bad}), flush=True)
    wrong += check_passkeys(json.loads((folder / "passkey.json").read_text()), world)
    wrong += check_attestations(json.loads((folder / "attestation.json").read_text()))
    judged.add("attestation")
    unread = sorted({path.stem for path in folder.glob("*.json")} - judged)
    print(json.dumps({"event": "vectors", "wrong": wrong, "unread": unread}), flush=True)
    if document:
        print(json.dumps({"event": "document", "examples": check_document(pathlib.Path(document).read_text(), world)}), flush=True)
    return 5 if wrong or unread else 0

if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except BAD as error:
        print(json.dumps({"event": "failed", "error": str(error)}))
        sys.exit(5)
