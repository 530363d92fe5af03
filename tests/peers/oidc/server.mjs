// An OAuth 2 server that others wrote (npm oidc-provider), told to be strict. It judges our client.
// Usage: node server.mjs '{"port": 4000, "redirectUri": "...", "accessTokenTtl": 300}'
import { Provider } from 'oidc-provider';

const { port, redirectUri, accessTokenTtl } = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const counts = { token: {}, errors: {}, revoked: 0 };

const provider = new Provider(issuer, {
  clients: ['client_secret_post', 'client_secret_basic'].map((method) => ({
    client_id: `switchboard-${method}`,
    client_secret: 'a secret: with+signs&such',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    response_types: ['code'],
    token_endpoint_auth_method: method,
  })),
  scopes: ['openid', 'offline_access', 'reports.read', 'reports.write'],
  pkce: { required: () => true },
  rotateRefreshToken: () => true,
  issueRefreshToken: () => true,
  clientBasedCORS: () => false,
  cookies: { keys: ['a-key-for-tests'] },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  ttl: {
    AccessToken: () => accessTokenTtl,
    AuthorizationCode: 60,
    ClientCredentials: () => accessTokenTtl,
    Grant: 3600,
    Interaction: 600,
    RefreshToken: () => 3600,
    Session: 3600,
  },
});

const raise = (kind) => (ctx) => {
  const name = ctx.oidc?.params?.grant_type ?? 'unknown';
  counts[kind][name] = (counts[kind][name] ?? 0) + 1;
};
provider.on('grant.success', raise('token'));
provider.on('grant.error', raise('errors'));
provider.use(async (ctx, next) => {
  if (ctx.path === '/counts') ctx.body = counts; // what the tests ask: how often was each grant used?
  else await next();
  if (ctx.path === '/token/revocation' && ctx.status === 200) counts.revoked += 1;
});
provider.listen(port, '127.0.0.1', () => process.stdout.write(`ready ${issuer}\n`));
