// A client of 2026-07-28, made with TypeScript SDK 2, whose user confirms what it
// is asked. It reads a text, makes a call that is held for that, and prints what it
// saw as one JSON object.
//   node confirmed.mjs PACKAGES URL KEY
import { createRequire } from "node:module";

const [packages, url, key] = process.argv.slice(2);
const { Client, StreamableHTTPClientTransport } = createRequire(packages + "/")("@modelcontextprotocol/client");
const seen = { asked: 0, own: 0, progress: [] };
const client = new Client({ name: "confirmed", version: "1" },
  { capabilities: { elicitation: {} }, versionNegotiation: { mode: { pin: "2026-07-28" } } });
client.setRequestHandler("elicitation/create", async () => { seen.asked++; return { action: "accept", content: {} }; });
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { Authorization: "Bearer " + key } } }));
const tool = (name, options) => client.callTool({ name: "up__" + name, arguments: { name: "one" } }, options);
await tool("echo");
let leave;
const onprogress = (p) => {
  // The SDK tells of each round of questions by a step of its own, which has no total.
  if (p.total === undefined) { seen.own++; return; }
  if (seen.progress.push(p.progress) === 3) leave = tool("leave");
};
seen.said = (await tool("steps", { onprogress })).content.map((c) => c.text).join("\n");
await leave;
await client.close();
console.log(JSON.stringify(seen));
process.exit(0);
