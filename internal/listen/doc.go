// Package listen is the client's side of the gateway: Streamable HTTP in both
// eras on one URL, stdin and stdout, and where they are turned on the HTTP+SSE
// transport of 2024-11-05 and WebSockets, which are a custom transport and not
// one of MCP's specification. It turns each message into an exchange, hands it
// to the line (Config.Serve) and writes what comes back.
//
// app builds one Server and runs it for the life of the process. Package listen
// is the only place that renders refusals and the only one that knows session
// ids. It never looks into a message to decide anything about it, never keeps a
// credential longer than the connection that sent it, never enables a browser
// that was not named, and never believes a proxy that was not named.
package listen
