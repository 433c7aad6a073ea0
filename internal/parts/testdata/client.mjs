// A client of one of the TypeScript SDKs that uses a gateway in front of the
// reference servers, and prints what it saw as one JSON object.
//   node client.mjs PACKAGES v1|v2 legacy|auto URL KEY
import { createRequire } from "node:module";

const [packages, sdk, mode, url, key] = process.argv.slice(2);
const require = createRequire(packages + "/");
const capabilities = { elicitation: {}, sampling: {}, roots: { listChanged: true } };
const headers = { Authorization: "Bearer " + key };

async function connect() {
  const info = { name: "typescript-" + sdk, version: "1" };
  if (sdk === "v1") {
    const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const types = require("@modelcontextprotocol/sdk/types.js");
    const client = new Client(info, { capabilities });
    answer(client, types.ElicitRequestSchema, types.CreateMessageRequestSchema, types.ListRootsRequestSchema);
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
    return { client, call: (params, options) => client.callTool(params, undefined, options), version: client.transport.protocolVersion };
  }
  const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
  const client = new Client(info, { capabilities, versionNegotiation: { mode } });
  answer(client, "elicitation/create", "sampling/createMessage", "roots/list");
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return { client, call: (params, options) => client.callTool(params, options), version: client.getNegotiatedProtocolVersion() };
}

function answer(client, elicit, sample, roots) {
  client.setRequestHandler(elicit, async () => ({ action: "accept", content: { name: "Ada of the " + sdk } }));
  client.setRequestHandler(sample, async () => ({ role: "assistant", model: "none", content: { type: "text", text: "sampled by " + sdk } }));
  client.setRequestHandler(roots, async () => ({ roots: [{ uri: "file:///a/root", name: "a root" }] }));
}

const text = (result) => result.content.map((c) => c.text).join("\n");
const refused = (error) => String(error.message ?? error);

const { client, call, version } = await connect();
const seen = { version, progress: [] };
seen.tools = (await client.listTools()).tools.map((t) => t.name);
seen.prompts = (await client.listPrompts()).prompts.map((p) => p.name);
seen.everything = text(await call({ name: "everything__echo", arguments: { message: "hello" } }));
seen.files = text(await call({ name: "files__read_text_file", arguments: { path: "hello.txt" } }));
seen.memory = text(await call({ name: "memory__create_entities", arguments: { entities: [{ name: "Ada of " + sdk + mode, entityType: "person", observations: [sdk] }] } }));
seen.resource = (await client.readResource({ uri: "demo://resource/static/document/features.md" })).contents[0].text;
seen.template = (await client.readResource({ uri: "demo://resource/dynamic/text/7" })).contents[0].uri;
seen.prompt = (await client.getPrompt({ name: "everything__args-prompt", arguments: { city: "London" } })).messages[0].content.text;
seen.elicited = text(await call({ name: "everything__trigger-elicitation-request", arguments: {} }));
seen.sampled = text(await call({ name: "everything__trigger-sampling-request", arguments: { prompt: "say something" } }));
await call({ name: "everything__trigger-long-running-operation", arguments: { duration: 0.3, steps: 3 } },
  { onprogress: (p) => seen.progress.push(p.progress) });
seen.invalid = await call({ name: "everything__get-sum", arguments: { a: "one", b: 2 } }).then((r) => (r.isError ? text(r) : "no error"), refused);
seen.unknown = await call({ name: "everything__no-such-tool", arguments: {} }).then(() => "no error", refused);

const abort = new AbortController();
seen.cancelled = await call({ name: "everything__trigger-long-running-operation", arguments: { duration: 60, steps: 600 } },
  { signal: abort.signal, onprogress: () => abort.abort("enough") }).then(() => "no error", refused);
await call({ name: "everything__echo", arguments: { message: "over" } }); // the notification that cancels is under way; close would stop it
await client.close();
console.log(JSON.stringify(seen));
process.exit(0);
