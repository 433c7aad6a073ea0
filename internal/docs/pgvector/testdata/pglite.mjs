// A PostgreSQL with pgvector in memory, at a port of loopback that it prints: PGlite. It has
// one session, which its socket server gives to one transaction after the other.
// node pglite.mjs PACKAGES
import { createRequire } from "node:module";

const require = createRequire(process.argv[2] + "/");
const { PGlite } = require("@electric-sql/pglite");
const { vector } = require("@electric-sql/pglite-pgvector");
const { PGLiteSocketServer } = require("@electric-sql/pglite-socket");

const db = await PGlite.create({ extensions: { vector } });
await db.exec("CREATE EXTENSION vector");
const server = new PGLiteSocketServer({ db, host: "127.0.0.1", port: 0, maxConnections: 100 });
server.addEventListener("listening", (e) => console.log(e.detail.port));
await server.start();
process.stdin.on("end", () => process.exit(0)).resume(); // its test has ended
