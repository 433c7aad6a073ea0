// The server of the matrix, made with one of the TypeScript SDKs: SDK 1 speaks
// the stateful era alone and asks its client with requests, which over HTTP come
// beside the call and not in its answer; SDK 2 is held to the stateless era. Over
// HTTP it prints its URL.
//   node server.mjs PACKAGES DIRECTORY 1|2 stdio|http
// What one call waits for until another opens it are files of the directory,
// because a gateway may give each call a process of its own.
import { createRequire } from "node:module";
import { setTimeout } from "node:timers/promises";
import { randomUUID } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

const [packages, directory, sdk, transport] = process.argv.slice(2);
const require = createRequire(packages + "/");
const { z } = require("zod");
const info = { name: "fixture", version: "1" };
const says = (text) => ({ content: [{ type: "text", text }] });
const schema = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
const question = { maxTokens: 10, messages: [{ role: "user", content: { type: "text", text: "Say something" } }] };
const cities = (start) => ["Lisbon", "London", "Paris"].filter((city) => city.startsWith(start ?? ""));
const grown = new Set(); // SDK 2 makes a server for each request

const open = (gate) => writeFileSync(directory + "/" + gate, "");

async function passed(gate) {
  for (const end = Date.now() + 30000; !existsSync(directory + "/" + gate); await setTimeout(5)) {
    if (Date.now() > end) return false;
  }
  return true;
}

// define gives a server what it has. of reads from the SDK's context what the
// two have in different places.
function define(server, { McpServer, ResourceTemplate, completable }, of, changed) {
  const name = { inputSchema: z.object({ name: z.string() }) };
  const none = { inputSchema: z.object({}) };
  const add = (name_) => server.registerTool(name_, { description: "Says it back", ...name }, async ({ name }) => says("echo of " + name));
  add("echo");
  for (const tool of grown) add(tool);
  server.registerTool("steps", { description: "Makes progress, three times, and waits until it may end", ...name }, async ({ name }, ctx) => {
    for (const n of [1, 2, 3]) await of(ctx).progress(n);
    await passed("steps-" + name);
    return says("three steps");
  });
  server.registerTool("leave", { description: "Lets steps end", ...name }, async ({ name }) => {
    open("steps-" + name);
    return says("go on");
  });
  server.registerTool("ask", { description: "Asks the person for a name", ...none }, async (_, ctx) => of(ctx).ask());
  server.registerTool("sample", { description: "Asks the client's model", ...none }, async (_, ctx) => of(ctx).sample());
  server.registerTool("wait", { description: "Waits until it is cancelled", ...name }, async ({ name }, ctx) => {
    await of(ctx).progress(1);
    await new Promise((resolve) => {
      if (of(ctx).signal.aborted) resolve();
      of(ctx).signal.addEventListener("abort", resolve);
    });
    open("wait-" + name);
    return says("never seen");
  });
  server.registerTool("ended", { description: "Tells whether the call of wait was cancelled", ...name }, async ({ name }) =>
    says(await passed("wait-" + name) ? "cancelled" : "still running"));
  server.registerTool("grow", { description: "Adds a tool", ...name }, async ({ name }) => {
    grown.add(name);
    changed(() => add(name));
    return says("grown");
  });
  const read = async (uri) => ({ contents: [{ uri: uri.href, mimeType: "text/plain", text: "the text of " + uri.href }] });
  server.registerResource("note", "fixture://note", { mimeType: "text/plain" }, read);
  server.registerResource("numbers", new ResourceTemplate("fixture://numbers/{n}", { list: undefined }), { mimeType: "text/plain" }, read);
  server.registerPrompt("weather", { argsSchema: sdk === "1" ? { city: completable(z.string(), cities) } : z.object({ city: completable(z.string(), cities) }) },
    ({ city }) => ({ messages: [{ role: "user", content: { type: "text", text: `What is the weather in ${city}?` } }] }));
  return server;
}

function one() {
  const parts = { ...require("@modelcontextprotocol/sdk/server/mcp.js"), ...require("@modelcontextprotocol/sdk/server/completable.js") };
  const of = (server) => (extra) => ({
    signal: extra.signal,
    progress: (progress) => extra.sendNotification({ method: "notifications/progress", params: { progressToken: extra._meta?.progressToken, progress, total: 3 } }),
    ask: async () => {
      const answer = await server.server.elicitInput({ message: "Who are you?", requestedSchema: schema });
      return says(`${answer.action}: ${answer.content?.name}`);
    },
    sample: async () => says("the model says " + (await server.server.createMessage(question)).content.text),
  });
  const make = () => {
    const server = new parts.McpServer(info);
    return define(server, parts, of(server), (add) => add()); // registerTool says that the list changed
  };
  if (transport === "stdio") {
    const { StdioServerTransport } = require("@modelcontextprotocol/sdk/server/stdio.js");
    make().connect(new StdioServerTransport());
    return;
  }
  const { StreamableHTTPServerTransport } = require("@modelcontextprotocol/sdk/server/streamableHttp.js");
  const sessions = new Map();
  serve(async (req, res) => {
    let session = sessions.get(req.headers["mcp-session-id"]);
    if (!session) {
      session = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: (id) => { sessions.set(id, session); } });
      await make().connect(session);
    }
    await session.handleRequest(req, res);
  });
}

function serve(handler) {
  const http = createServer(handler);
  http.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${http.address().port}/mcp`));
}

function two() {
  const parts = require("@modelcontextprotocol/server");
  const { inputRequired, inputResponse } = parts;
  const of = (ctx) => ({
    signal: ctx.mcpReq.signal,
    progress: (progress) => ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken: ctx.mcpReq._meta?.progressToken, progress, total: 3 } }),
    ask: () => {
      const answer = inputResponse(ctx.mcpReq.inputResponses, "who");
      if (answer.kind === "elicit") return says(`${answer.action}: ${answer.content?.name}`);
      return inputRequired({ inputRequests: { who: inputRequired.elicit({ message: "Who are you?", requestedSchema: schema }) } });
    },
    sample: () => {
      const answer = inputResponse(ctx.mcpReq.inputResponses, "text");
      if (answer.kind === "sampling") return says("the model says " + answer.result.content.text);
      return inputRequired({ inputRequests: { text: inputRequired.createMessage(question) } });
    },
  });
  if (transport === "stdio") {
    const { serveStdio } = require("@modelcontextprotocol/server/stdio");
    serveStdio(() => define(new parts.McpServer(info), parts, of, (add) => add()), { legacy: "reject" });
    return;
  }
  const handler = parts.createMcpHandler(() => define(new parts.McpServer(info), parts, of, () => handler.notify.toolsChanged()), { legacy: "reject" });
  const { toNodeHandler } = require("@modelcontextprotocol/node");
  serve(toNodeHandler(handler));
}

if (sdk === "1") one();
else two();
