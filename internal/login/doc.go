// Package login is the client's side of OAuth: it gets access tokens for an MCP
// gateway from the gateway's authorization server, keeps them in files that
// their owner alone can read, and renews them. A person signs in with a browser
// or on another device, a job with credentials of its own.
//
// The cli calls it, for `doorward token`, `doorward login` and `doorward stdio
// --remote`. It never sends what one authorization server gave out to another,
// never follows a redirect, never hands a URL to a shell, and never prints a
// token, a secret or a key.
package login
