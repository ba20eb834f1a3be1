#!/usr/bin/env python3
"""device.py, but holding no connection: it is woken by Web Push at an endpoint of its own (docs/protocol.md, section 20; RFC 8030,
8291, 8292), decrypts with the library http_ece, and fetches. Approves what comes. With --practice it asks for a practice request first.
    pushed.py LINK [--listen 127.0.0.1:0] [--practice] [--count 1]
Prints one JSON object a line; exit codes as device.py."""
import argparse, http.server, queue, secrets, sys, threading
sys.dont_write_bytecode = True  # a test leaves nothing behind
import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
import device
from device import BAD, b64, jws, load, must, part, say, strict, unb64

MOST = 4096  # a push service need not take more (RFC 8030, 7.2)

class Subscription:
    """What a browser keeps: where it is pushed to, and the keys (RFC 8291, 2)."""
    def __init__(self, origin):
        self.origin, self.path = origin, "/push/" + secrets.token_urlsafe(32)
        self.key, self.auth = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(16)
    def address(self):
        public = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"type": "web_push", "endpoint": self.origin + self.path, "p256dh": b64(public), "auth": b64(self.auth)}
    def open(self, body):
        return strict(http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm"))
    def check_sender(self, headers, vapid_public_key, now):
        """RFC 8292: signed by the key that the subscription was made for, for this push service, and not for long."""
        scheme, _, parameters = headers["Authorization"].partition(" ")
        given = dict(one.strip().split("=", 1) for one in parameters.split(","))
        must(scheme == "vapid" and given["k"] == vapid_public_key, "another sender")
        point = unb64(given["k"])
        key = load({"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])})
        must(part(given["t"], 0)["alg"] == "ES256", "another algorithm")
        jws.deserialize_compact(given["t"], key, ["ES256"])
        claims = part(given["t"], 1)
        must(claims["aud"] == self.origin and now < claims["exp"] <= now + 12 * 3600, "for somebody else, or for too long")

def listen(address):
    """A push service of one subscription: its address, and a queue of the pushes (headers and body) that were accepted."""
    pushes = queue.Queue()
    class Service(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers.get("Content-Length", MOST + 1))
            taken = self.path == subscription.path and length <= MOST
            if taken:
                pushes.put((self.headers, self.rfile.read(length)))
            self.send_response(201 if taken else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
        def log_message(self, *_):
            pass  # the path is a capability
    host, _, port = address.rpartition(":")
    server = http.server.ThreadingHTTPServer((host, int(port)), Service)
    subscription = Subscription(f"http://{host}:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return subscription, pushes

def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("link")
    options.add_argument("--listen", default="127.0.0.1:0")
    options.add_argument("--practice", action="store_true")
    options.add_argument("--count", type=int, default=1)
    given, outcomes = options.parse_args(), []
    try:
        subscription, pushes = listen(given.listen)
        own = device.Device(given.link)
        own.more, own.wait = {"push_address": subscription.address()}, 0
        own.enroll()
        must(own.at["push_types_supported"] == ["web_push"], "a provider that does not push")
        must(not own.fetch(), "something waits already")
        if given.practice:
            own.call("POST", own.at["device_endpoint"] + "/practice", expected=202)
        while len(outcomes) < given.count:
            headers, body = pushes.get(timeout=60)
            subscription.check_sender(headers, own.at["vapid_public_key"], own.now())
            message = subscription.open(body)
            must(message["v"] == 1 and message["id"], "another message")
            say("pushed", id=message["id"], ttl=int(headers["TTL"]), length=len(body))
            outcomes += filter(None, [own.decide(challenge, True) for challenge in own.fetch()])
    except (OSError, queue.Empty, *BAD) as error:
        say("failed", error=str(error) or type(error).__name__)
        sys.exit(4 if isinstance(error, (OSError, queue.Empty)) else 5)
    sys.exit({"approved": 0, "expired": 3}.get(outcomes[-1], 1))
if __name__ == "__main__":
    main()
