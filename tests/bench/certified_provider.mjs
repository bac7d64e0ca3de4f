// An OpenID Connect provider that is certified, for tests/bench/certified_provider.py: its port, and the desk.
import Provider from "oidc-provider";

const [port, desk] = process.argv.slice(2);
const groups = [...Array.from({ length: 200 }, (_, n) => `group-${n}`), "finance"];

const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    {
      client_id: "desk",
      client_secret: "s3cr3t-of-the-desk",
      redirect_uris: [`${desk}/sign-in/callback`],
      post_logout_redirect_uris: [`${desk}/sign-in/out`],
    },
  ],
  pkce: { required: () => true, methods: ["S256"] },
  scopes: ["openid", "email", "profile", "groups"],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: "Ada Lovelace", email: `${id}@acme.example`, email_verified: true, groups }),
  }),
});
provider.listen(port);
