// A person's client, made with one of the TypeScript SDKs and its own OAuth: it
// learns from a gateway's refusal where to sign in, registers itself, signs in,
// lists the tools and calls one, for which it must ask for more. It prints what it
// saw as one JSON object.
//   node oauth.mjs PACKAGES 1|2 legacy|modern URL TOOL
import { createRequire } from "node:module";

const [packages, sdk, era, url, tool] = process.argv.slice(2);
const require = createRequire(packages + "/");
const parts = sdk === "1"
  ? { ...require("@modelcontextprotocol/sdk/client/index.js"), ...require("@modelcontextprotocol/sdk/client/streamableHttp.js"), ...require("@modelcontextprotocol/sdk/client/auth.js") }
  : require("@modelcontextprotocol/client");
const callback = "http://127.0.0.1:1/callback";
const seen = { scopes: [], clients: [] };

// browse is a browser: it keeps cookies and follows redirects up to the callback.
const cookies = new Map();
async function browse(page) {
  for (let i = 0; i < 10; i++) {
    const res = await fetch(page, { redirect: "manual", headers: { cookie: [...cookies].map(([k, v]) => k + "=" + v).join("; ") } });
    for (const line of res.headers.getSetCookie()) {
      const [name, ...value] = line.split(";")[0].split("=");
      cookies.set(name, value.join("="));
    }
    if (!res.headers.has("location")) throw new Error(`${page}: ${res.status} ${await res.text()}`);
    page = new URL(res.headers.get("location"), page);
    if (page.href.startsWith(callback)) return page.searchParams;
  }
  throw new Error("too many redirects");
}

// What the SDK has its user keep, and do.
const kept = {};
let came;
const provider = {
  redirectUrl: callback,
  clientMetadata: { client_name: "typescript-" + sdk, redirect_uris: [callback], grant_types: ["authorization_code"], token_endpoint_auth_method: "none", application_type: "native" },
  state: () => (kept.state = crypto.randomUUID()),
  clientInformation: () => kept.client,
  saveClientInformation: (client) => { kept.client = client; seen.clients.push(client.client_id); },
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; },
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  codeVerifier: () => kept.verifier,
  saveDiscoveryState: (state) => { kept.discovery = state; },
  discoveryState: () => kept.discovery,
  redirectToAuthorization: async (target) => {
    seen.scopes.push(target.searchParams.get("scope"));
    came = await browse(target);
    if (came.get("state") !== kept.state) throw new Error("another state came back");
  },
};

let wire;
// again does something once more when it had to be signed in for.
async function again(what) {
  try {
    return await what();
  } catch (error) {
    if (!(error instanceof parts.UnauthorizedError)) throw error;
    await wire.finishAuth(sdk === "1" ? came.get("code") : came);
    return what();
  }
}

let client;
await again(async () => {
  client = new parts.Client({ name: "typescript-" + sdk, version: "1" }, sdk === "1" ? {} : { versionNegotiation: { mode: era === "modern" ? { pin: "2026-07-28" } : "legacy" } });
  wire = new parts.StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
  await client.connect(wire);
});
seen.version = sdk === "1" ? wire.protocolVersion : client.getNegotiatedProtocolVersion();
seen.before = (await client.listTools()).tools.length;
const result = await again(() => client.callTool({ name: tool, arguments: { name: "me" } }));
seen.answer = result.content.map((c) => c.text).join("\n");
seen.after = (await client.listTools()).tools.length;
await client.close();
console.log(JSON.stringify(seen));
process.exit(0);
