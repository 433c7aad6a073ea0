// Clients of Doorward's own servers, one after the other: each lists the tools, makes the calls
// and reads the resources that it is told, and prints what came back.
//   node builtins.mjs PACKAGES URL WISHES
// WISHES is {"uses": [{"client": "v1|v2|inspector", "era": "stateful|stateless", "key"}],
// "calls": [{"name", "arguments"}], "uris": []} in JSON. A client of an SDK prints one object;
// the Inspector's command line one for each run: the list, the calls, the resources.
import { createRequire } from "node:module";

const [packages, url, wishes] = process.argv.slice(2);
const { uses, calls, uris } = JSON.parse(wishes);
const require = createRequire(packages + "/");

async function inspect({ era, key }) {
  const { runCli } = await import(packages + "/@modelcontextprotocol/inspector/clients/cli/build/index.js");
  const runs = [["tools/list"], ...calls.map((c) => ["tools/call", "--tool-name", c.name, "--tool-args-json", JSON.stringify(c.arguments)]),
    ...uris.map((uri) => ["resources/read", "--uri", uri])];
  for (const run of runs) {
    await runCli(["node", "inspector", url, "--transport", "http", "--protocol-era", era === "stateless" ? "modern" : "legacy",
      "--header", "Authorization: Bearer " + key, "--stored-auth-only", "--format", "json", "-q", "--method", ...run]);
  }
}

async function connect({ client, era, key }) {
  const info = { name: "typescript-" + client, version: "1" };
  const options = { requestInit: { headers: { Authorization: "Bearer " + key } } };
  if (client === "v1") {
    const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const c = new Client(info);
    await c.connect(new StreamableHTTPClientTransport(new URL(url), options));
    return c;
  }
  const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
  const c = new Client(info, { versionNegotiation: { mode: era === "stateless" ? { pin: "2026-07-28" } : "legacy" } });
  await c.connect(new StreamableHTTPClientTransport(new URL(url), options));
  return c;
}

// Once the tools are listed, the SDKs hold structured content to its schema: what breaks it throws.
async function use(who) {
  const c = await connect(who);
  const seen = { tools: (await c.listTools()).tools, called: [], read: [] };
  for (const call of calls) seen.called.push(await c.callTool(call));
  for (const uri of uris) seen.read.push(await c.readResource({ uri }));
  await c.close();
  console.log(JSON.stringify(seen));
}

for (const who of uses) await (who.client === "inspector" ? inspect(who) : use(who));
process.exit(0);
