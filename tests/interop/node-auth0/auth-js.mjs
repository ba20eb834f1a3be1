// A client with @auth0/auth0-auth-js, which reads discovery, waits and verifies the ID token by itself.
import assert from 'node:assert/strict';

import { AuthClient } from '@auth0/auth0-auth-js';

const { AUTH0_DOMAIN, AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET, AUTH0_USER } = process.env;
const client = new AuthClient({
  domain: AUTH0_DOMAIN,
  clientId: AUTH0_CLIENT_ID,
  clientSecret: AUTH0_CLIENT_SECRET,
});

try {
  const tokens = await client.backchannelAuthentication({
    loginHint: { sub: AUTH0_USER },
    bindingMessage: 'Sign in to Example Shop',
    requestedExpiry: 120,
  });
  assert.equal(tokens.claims.sub, AUTH0_USER);
  assert.ok(tokens.accessToken && tokens.idToken);
  console.log('Authentication successful');
} catch (error) {
  const { error: code, error_description: words } = error.cause ?? error;
  console.log(`Failed: ${code ?? error.code}: ${words ?? error.message}`);
  process.exit(1);
}
