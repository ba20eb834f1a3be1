// A client with auth0 6: asks with authorization details, polls, and says how it ended.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { AuthenticationClient } from 'auth0';

const { AUTH0_DOMAIN, AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET, AUTH0_USER } = process.env;
const auth = new AuthenticationClient({
  domain: AUTH0_DOMAIN,
  clientId: AUTH0_CLIENT_ID,
  clientSecret: AUTH0_CLIENT_SECRET,
});

const payment = {
  type: 'payment_initiation',
  instructedAmount: { currency: 'EUR', amount: '4.20' },
  creditorName: 'Example Shop',
};
const asked = await auth.backchannel.authorize({
  userId: AUTH0_USER,
  binding_message: 'Pay 4.20 EUR',
  scope: 'openid',
  request_expiry: '120',
  authorization_details: JSON.stringify([payment]),
});
assert.ok(asked.expires_in <= 120);

for (;;) {
  await sleep(asked.interval * 1000);
  try {
    const tokens = await auth.backchannel.backchannelGrant({ auth_req_id: asked.auth_req_id });
    assert.deepEqual(tokens.authorization_details, [payment]);
    assert.equal(tokens.token_type, 'Bearer');
    console.log('Authentication successful');
    break;
  } catch (error) {
    if (error.error === 'authorization_pending' || error.error === 'slow_down') continue;
    console.log(`Failed: ${error.error}: ${error.error_description ?? error.message}`);
    process.exit(1);
  }
}
