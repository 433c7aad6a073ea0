// Sends one signed request: node sign.mjs URL
import { createHash, createHmac, randomUUID } from "node:crypto";

const hmac = (key, text) => createHmac("sha256", key).update(text).digest();

// The URL as it is signed and sent, and the headers with those of the signature.
export function sign(method, url, headers, body, keyId, key) {
  const { origin, pathname, search } = new URL(url);
  const target = origin + pathname + search;
  const digest = `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
  const covered = { "@method": method, "@target-uri": target, "content-digest": digest };
  for (const [name, value] of new Headers(headers)) { // in lower case, by name
    if (/^(content-type|last-event-id|mcp-.*)$/.test(name)) covered[name] = value;
  }
  const names = Object.keys(covered).map((name) => `"${name}"`).join(" ");
  const params = `(${names});created=${Math.floor(Date.now() / 1000)};nonce="${randomUUID()}";keyid="${keyId}";alg="hmac-sha256";tag="doorward"`;
  const lines = Object.entries(covered).map(([name, value]) => `"${name}": ${value}\n`);
  const base = `${lines.join("")}"@signature-params": ${params}`;
  const secret = hmac(key, "doorward request signing v1");
  return {
    url: target,
    headers: {
      ...headers,
      "content-digest": digest,
      "signature-input": `sig1=${params}`,
      signature: `sig1=:${hmac(secret, base).toString("base64")}:`,
    },
  };
}

const body = JSON.stringify({
  jsonrpc: "2.0", id: 1, method: "tools/list",
  params: { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} } },
});
const signed = sign("POST", process.argv[2], {
  accept: "application/json, text/event-stream", "content-type": "application/json",
  "mcp-method": "tools/list", "mcp-protocol-version": "2026-07-28",
}, body, process.env.DOORWARD_KEY_ID, process.env.DOORWARD_KEY);
const response = await fetch(signed.url, { method: "POST", headers: signed.headers, body });
console.log(await response.text());
process.exitCode = response.ok ? 0 : 1;
