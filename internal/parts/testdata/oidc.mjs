// A real authorization server for the tests: oidc-provider, with clients that
// are configured and clients that register themselves, the grants of machines,
// people and devices, PKCE, DPoP and introspection. It prints its issuer.
//   node oidc.mjs PACKAGES CLIENTS
// CLIENTS is a JSON array of clients (RFC 7591). A token is for the resource that
// its client asks for: opaque where the resource's path ends in /opaque, a JWT
// (RFC 9068) everywhere else; good for 45 seconds where it ends in /brief. Whoever
// comes to sign in is ada, and agrees.
// POST /keys/add signs with a new key from then on, POST /keys/drop forgets all
// but that one.
import { createServer } from "node:http";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";

const [packages, clients] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(packages + "/oidc-provider/lib/" + path));
const { Provider } = await load("index.js");
const { default: MemoryAdapter } = await load("adapters/memory_adapter.js");

const scopes = ["mcp:read:documents", "mcp:execute:tools"];
const key = () => ({ ...generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }), kid: randomUUID(), alg: "ES256", use: "sig" });

// A key is added by a new provider; what the old one knows stays in the adapter.
class Adapter extends MemoryAdapter {}

// form is a page with nothing but what a browser has to send.
const form = (ctx, html) => { ctx.body = html; };

const configuration = (keys) => ({
  adapter: Adapter,
  clients: JSON.parse(clients),
  clientDefaults: { id_token_signed_response_alg: "ES256" },
  cookies: { keys: [cookies] },
  // A client may ask for more later than what it registered for (RFC 7591, section 2).
  extraClientMetadata: { properties: ["any_scope"], validator: (ctx, key, value, metadata) => { metadata.scope = undefined; } },
  enabledJWA: { clientAuthSigningAlgValues: ["ES256"], dPoPSigningAlgValues: ["ES256"] },
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true, userCodeInputSource: form, userCodeConfirmSource: form, successSource: (ctx) => form(ctx, "signed in") },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: scopes.join(" "), audience: resource, accessTokenTTL: resource.endsWith("/brief") ? 45 : 600,
        ...(resource.endsWith("/opaque") ? { accessTokenFormat: "opaque" } : { accessTokenFormat: "jwt", jwt: { sign: { alg: "ES256" } } }),
      }),
    },
  },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (ctx, interaction) => "/sign-in/" + interaction.uid },
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed("refresh_token"),
  jwks: { keys },
  pkce: { required: () => true },
  scopes: ["openid", "offline_access", ...scopes],
});

// signIn is what a person does who reads the page.
async function signIn(provider, req, res) {
  const { params, session } = await provider.interactionDetails(req, res);
  const grant = new provider.Grant({ accountId: "ada", clientId: params.client_id });
  for (const resource of [params.resource].flat().filter(Boolean)) grant.addResourceScope(resource, params.scope);
  grant.addOIDCScope(params.scope);
  await provider.interactionFinished(req, res, { login: { accountId: session?.accountId ?? "ada" }, consent: { grantId: await grant.save() } });
}

const cookies = randomUUID();
let keys = [key()];
let provider;
const server = createServer(async (req, res) => {
  if (req.method === "POST" && req.url.startsWith("/keys/")) {
    keys = req.url === "/keys/add" ? [key(), ...keys] : keys.slice(0, 1);
    provider = new Provider(provider.issuer, configuration(keys));
    res.writeHead(204).end();
  } else if (req.url.startsWith("/sign-in/")) {
    await signIn(provider, req, res).catch((error) => res.writeHead(500).end(String(error)));
  } else {
    provider.callback()(req, res);
  }
});
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  provider = new Provider(issuer, configuration(keys));
  console.log(issuer);
});
