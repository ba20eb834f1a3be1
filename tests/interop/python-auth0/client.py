"""A client with auth0-python: asks, polls, and says how it ended."""

import json
import os
import sys
import time

from auth0.authentication.back_channel_login import BackChannelLogin
from auth0.authentication.get_token import GetToken
from auth0.authentication.exceptions import Auth0Error

DOMAIN = os.environ["AUTH0_DOMAIN"]
CLIENT = {"client_secret": os.environ["AUTH0_CLIENT_SECRET"]}
WHO = (DOMAIN, os.environ["AUTH0_CLIENT_ID"])


def main() -> int:
    hint = {"format": "iss_sub", "iss": f"https://{DOMAIN}/", "sub": os.environ["AUTH0_USER"]}
    payment = {
        "type": "payment_initiation",
        "instructedAmount": {"currency": "EUR", "amount": "4.20"},
        "creditorName": "Example Shop",
    }
    asked = BackChannelLogin(*WHO, **CLIENT).back_channel_login(
        binding_message="Pay 4.20 EUR",
        login_hint=json.dumps(hint),
        scope="openid",
        requested_expiry=120,
        authorization_details=[payment],
    )
    tokens = GetToken(*WHO, **CLIENT)
    while True:
        time.sleep(asked["interval"])
        try:
            answer = tokens.backchannel_login(auth_req_id=asked["auth_req_id"])
        except Auth0Error as error:
            if error.error_code in ("authorization_pending", "slow_down"):
                continue
            print(f"Failed: {error.error_code}: {error.message}")
            return 1
        assert answer["authorization_details"] == [payment], answer
        assert answer["token_type"] == "Bearer" and answer["access_token"] and answer["id_token"], answer
        print("Authentication successful")
        return 0


if __name__ == "__main__":
    sys.exit(main())
