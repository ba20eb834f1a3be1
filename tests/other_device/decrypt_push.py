#!/usr/bin/env python3
"""Decrypts a push message (RFC 8291) with the library http_ece: private key, authentication secret and body, each base64url,
from standard input as JSON; prints the plaintext."""

import base64
import json
import sys

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


given = json.load(sys.stdin)
scalar = int.from_bytes(decoded(given["private_key"]), "big")
key = ec.derive_private_key(scalar, ec.SECP256R1())
plain = http_ece.decrypt(decoded(given["body"]), private_key=key, auth_secret=decoded(given["auth"]), version="aes128gcm")
sys.stdout.write(plain.decode() + "\n")
