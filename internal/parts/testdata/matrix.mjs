// A client of the matrix, made with one of the TypeScript SDKs: it uses the
// fixture behind each target, AT-ONCE of them at the same time, and prints what
// it saw of each as a JSON array of objects, by capability.
//   node matrix.mjs PACKAGES 1|2 legacy|modern http|sse|websocket|stdio NAME PREFIX AT-ONCE TARGET...
// A target is a URL, or over stdio the configuration of a gateway that
// $DOORWARD runs. NAME is in the names of the tools that this client adds.
import { createRequire } from "node:module";

const [packages, sdk, era, transport, self, prefix, atOnce, ...targets] = process.argv.slice(2);
const require = createRequire(packages + "/");
const info = { name: "typescript-" + sdk, version: "1" };
const capabilities = { elicitation: {}, sampling: {} };
const patience = { timeout: 120000 };

function connection(target) {
  const from = sdk === "1" ? (name) => require("@modelcontextprotocol/sdk/client/" + name + ".js")
    : (name) => require("@modelcontextprotocol/client" + (name === "stdio" ? "/stdio" : ""));
  switch (transport) {
    case "http": return new (from("streamableHttp").StreamableHTTPClientTransport)(new URL(target));
    case "sse": return new (from("sse").SSEClientTransport)(new URL(target));
    case "websocket": return new (from("websocket").WebSocketClientTransport)(new URL(target));
    case "stdio": return new (from("stdio").StdioClientTransport)({ command: process.env.DOORWARD, args: ["stdio", "--config", target], stderr: "inherit" });
  }
  throw new Error("no transport is called " + transport);
}

async function connect(target, changed) {
  const wire = connection(target);
  let client, call, version;
  const elicit = async () => ({ action: "accept", content: { name: "client " + self } });
  const sample = async () => ({ role: "assistant", model: "none", content: { type: "text", text: "words of " + self } });
  if (sdk === "1") {
    const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
    const types = require("@modelcontextprotocol/sdk/types.js");
    client = new Client(info, { capabilities });
    client.setRequestHandler(types.ElicitRequestSchema, elicit);
    client.setRequestHandler(types.CreateMessageRequestSchema, sample);
    client.setNotificationHandler(types.ToolListChangedNotificationSchema, changed);
    // The SSE and WebSocket transports of SDK 1 tell nobody the version.
    wire.setProtocolVersion = ((set) => (v) => { version = v; set?.call(wire, v); })(wire.setProtocolVersion);
    call = (params, options) => client.callTool(params, undefined, { ...patience, ...options });
    await client.connect(wire, patience);
  } else {
    const { Client } = require("@modelcontextprotocol/client");
    const mode = era === "modern" ? { pin: "2026-07-28" } : "legacy";
    client = new Client(info, { capabilities, versionNegotiation: { mode }, listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: changed } } });
    client.setRequestHandler("elicitation/create", elicit);
    client.setRequestHandler("sampling/createMessage", sample);
    call = (params, options) => client.callTool(params, { ...patience, ...options });
    await client.connect(wire, patience);
    version = client.getNegotiatedProtocolVersion();
  }
  return { client, version, tool: (name, args, options) => call({ name: prefix + name, arguments: args }, options) };
}

const text = (result) => (result.isError ? "error: " : "") + result.content.map((c) => c.text).join("\n");

async function use(target) {
  const seen = {};
  const see = async (what, look) => {
    try { seen[what] = await look(); } catch (error) { seen[what] = "error: " + (error.message ?? error); }
  };
  let wake = () => {};
  let changes = 0;
  const { client, version, tool } = await connect(target, () => { changes++; wake(); });
  seen.version = version;
  const names = async () => (await client.listTools(undefined, patience)).tools.map((t) => t.name);
  await see("tools", async () => (await names()).filter((n) => !n.includes("grown")).map((n) => n.replace(prefix, "")).sort().join(" "));
  await see("call", async () => text(await tool("echo", { name: "me" })));
  await see("resources", async () => {
    const uri = (await client.listResources(undefined, patience)).resources[0].uri;
    return (await client.readResource({ uri }, patience)).contents[0].text;
  });
  await see("templates", async () => {
    const template = (await client.listResourceTemplates(undefined, patience)).resourceTemplates[0].uriTemplate;
    return (await client.readResource({ uri: template.replace("{n}", "7") }, patience)).contents[0].text;
  });
  await see("prompts", async () => {
    const name = (await client.listPrompts(undefined, patience)).prompts[0].name;
    return (await client.getPrompt({ name, arguments: { city: "Rome" } }, patience)).messages[0].content.text;
  });
  await see("completion", async () => (await client.complete(
    { ref: { type: "ref/prompt", name: prefix + "weather" }, argument: { name: "city", value: "L" } }, patience)).completion.values.join(" "));
  await see("elicitation", async () => text(await tool("ask", {})));
  await see("sampling", async () => text(await tool("sample", {})));
  await see("progress", async () => {
    const heard = [];
    let leave;
    await tool("steps", { name: self }, { onprogress: (p) => { if (heard.push(p.progress) === 3) leave = tool("leave", { name: self }); } });
    await leave;
    return heard.join(" ");
  });
  const name = "grown-" + self;
  await see("cancellation", async () => {
    const abort = new AbortController();
    const answer = await tool("wait", { name }, { signal: abort.signal, onprogress: () => abort.abort("enough") }).then(text, () => "");
    return answer || text(await tool("ended", { name }));
  });
  await see("list_changed", async () => {
    const before = changes;
    const late = setTimeout(() => { late.over = true; wake(); }, patience.timeout);
    await tool("grow", { name });
    for (let known = before; !late.over; known = changes) {
      if (changes === known) await new Promise((resolve) => { wake = resolve; });
      if (changes > before && (await names()).includes(prefix + name)) {
        clearTimeout(late);
        return text(await tool(name, { name: "a new tool" }));
      }
    }
    return changes > before ? "heard, and not listed" : "not heard";
  });
  await client.close();
  return seen;
}

const all = [];
let next = 0;
async function worker() {
  while (next < targets.length) {
    const i = next++;
    all[i] = await use(targets[i]).catch((error) => ({ version: "error: " + (error.message ?? error) }));
  }
}
await Promise.all(Array.from({ length: Number(atOnce) }, worker));
console.log(JSON.stringify(all));
process.exit(0);
