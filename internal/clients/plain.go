package clients

import (
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
)

// plainURL finds addresses that are spoken to in the open.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var plainURL = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("(?i)\\b(?:http|ws|ftp)://[^\\s\"'`<>|;)]+") })

// plainAddresses tells of the addresses in a command that are reached in the open
// and are not on this machine: those that the server, or its code, is reached by,
// and those that it is merely told of. Names in a private network count as the
// first only.
func plainAddresses(command []string) []Danger {
	var out []Danger
	last := ""
	for i, word := range command {
		previous := last
		last = word
		for _, at := range plainURL().FindAllStringIndex(word, -1) {
			u, err := url.Parse(word[at[0]:at[1]])
			if err != nil || onThisMachine(u.Hostname()) || namespace(u.Hostname()) {
				continue
			}
			text := "it has the plain address " + u.Scheme + "://" + u.Host
			before := word[:at[0]]
			if before == "" {
				before = previous
			}
			switch {
			case carriesCode(u) || option(before, codeOptions()) || forwards(command[:i]) || fetcher(previous):
				out = append(out, Danger{RiskPlain, text})
			case !private(u.Hostname()):
				out = append(out, Danger{RiskPlainArgument, text})
			}
		}
	}
	return out
}

// The words of an option's name that tell that code, or all that a server says,
// comes from the address after it.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var (
	codeOptions = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(^|[-_.])(registry|index|indexes|find-?links|repository|mirror|source|from|with|sse|streamable-?http|mcp|mcp-?url|remote|server-?url|transport)([-_.]|$)`)
	})
	forwarder = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(^|[-_/@])(remote|proxy|bridge|gateway|supergateway|tunnel|connect|relay)($|[-_/@=])`)
	})
)

// option tells whether a word is an option, or a setting, whose name has one of these words.
func option(word string, words *regexp.Regexp) bool {
	name := strings.TrimRight(word, "=")
	return (strings.HasPrefix(name, "-") || strings.HasSuffix(word, "=")) && words.MatchString(strings.TrimLeft(name, "-"))
}

// forwards tells whether words start a program whose name says that it stands for a
// server elsewhere: mcp-remote, mcp-proxy, supergateway. Only what precedes the
// first option after the program counts.
func forwards(words []string) bool {
	for _, w := range words {
		if !strings.HasPrefix(w, "-") && !strings.Contains(w, "://") && forwarder().MatchString(w) {
			return true
		}
	}
	return false
}

// fetcher tells whether a word is a program, or an order to one, that runs what is
// at an address.
func fetcher(word string) bool {
	switch programName(word) {
	case "npx", "bunx", "pnpx", "uvx", "dlx", "x", "exec", "run", "install", "add", "-y", "--yes", "deno":
		return true
	}
	return false
}

// carriesCode tells whether an address is one that code is fetched from, or that an
// MCP server is reached at.
func carriesCode(u *url.URL) bool {
	switch strings.ToLower(path.Ext(u.Path)) {
	case ".tgz", ".gz", ".zip", ".whl", ".js", ".mjs", ".cjs", ".ts", ".py", ".sh", ".ps1", ".git", ".jar", ".wasm", ".exe":
		return true
	}
	switch strings.ToLower(path.Base(u.Path)) {
	case "mcp", "sse":
		return true
	}
	return false
}

// onThisMachine tells whether a host is this machine, or cannot be told: a
// placeholder.
func onThisMachine(host string) bool {
	host = strings.ToLower(host)
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "host.docker.internal" || strings.ContainsAny(host, "${}%<>") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && (addr.IsLoopback() || addr.IsUnspecified() || addr.Unmap().IsLoopback())
}

// private tells whether a host is in a network of its own (RFC 1918, RFC 4193, RFC
// 6762, RFC 8375): a name without a dot, or one of the domains for that.
func private(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsPrivate() || addr.IsLinkLocalUnicast()
	}
	host = "." + strings.ToLower(strings.TrimSuffix(host, "."))
	for _, end := range [...]string{".local", ".internal", ".lan", ".intranet", ".home.arpa", ".corp", ".home"} {
		if strings.HasSuffix(host, end) {
			return true
		}
	}
	return strings.Count(host, ".") == 1
}

// namespace knows the hosts whose addresses name something and are not visited
// (XML Namespaces 1.0, JSON Schema).
func namespace(host string) bool {
	host = strings.ToLower(host)
	return host == "www.w3.org" || host == "json-schema.org" || strings.HasPrefix(host, "schemas.")
}
