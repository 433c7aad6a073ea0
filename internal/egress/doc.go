// Package egress is the proxy that a confined command has instead of a network. Its
// only way out is one listener in its own network namespace; app serves that with a
// Proxy, which takes HTTP CONNECT, plain HTTP in absolute form, and SOCKS5 on the
// same port, and lets through what the operator listed and nothing else.
//
// The command names a host; the Proxy alone looks the name up, and judges the
// address that it is about to dial with policy/places, the same judge that policy
// has. In a tunnel it reads the first message of TLS, whose server name must be the
// host that was asked for; in plain HTTP the Host header must be. Each connection is
// reported before its first byte goes out, and what cannot be reported is refused.
//
// The package never opens TLS, never looks at what follows its first message, follows
// no redirect, carries no UDP, and keeps nothing of what passes. What a listed host
// does with what it is sent is that host's business: a list is as narrow as its names,
// and many names lead to one network of a hoster (domain fronting).
package egress
