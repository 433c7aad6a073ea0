package config

import (
	"maps"
	"slices"
	"strings"
)

// First is the text of a first configuration for doorward init: of each upstream
// its command or URL, transport, variables and credential, of each secret where
// it is. It parses when they are good; who writes it should check that with
// Parse, for a name or a URL may not be.
func First(upstreams map[string]Upstream, secrets map[string]Secret) []byte {
	var b strings.Builder
	b.WriteString(`# Doorward's configuration. Every key: doorward config schema, or docs/reference/configuration.md.
# Check a change with: doorward config check
version: 1

# Clients connect to http://127.0.0.1:8080/mcp with a key:  doorward key create me
# Nothing is shown to them until you approve it:            doorward trust approve NAME
upstreams:`)
	if len(upstreams) == 0 {
		b.WriteString(` {}
  # files:
  #   command: [npx, -y, "@modelcontextprotocol/server-filesystem@2026.8.31", /srv/docs]
  #   sandbox: {read: [/srv/docs]}
`)
	} else {
		b.WriteString("\n")
	}
	for _, name := range slices.Sorted(maps.Keys(upstreams)) {
		firstUpstream(&b, name, upstreams[name])
	}
	if len(secrets) > 0 {
		b.WriteString("\n# Where credentials are. Set these variables where Doorward is started, or keep each in a file: file:PATH\nsecrets:\n")
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		b.WriteString("  " + plain(name) + ": {from: " + plain(secrets[name].From) + "}\n")
	}
	b.WriteString(`
# Without roles, every key may use everything that is approved. To narrow that:
# roles:
#   reader:
#     allow:
#       - tools: ["files/read_*"]       # upstream/tool; * never crosses a /
#     deny:
#       - tools: ["*/delete_*"]         # deny wins
`)
	return []byte(b.String())
}

func firstUpstream(b *strings.Builder, name string, u Upstream) {
	b.WriteString("  " + plain(name) + ":\n")
	if u.URL == "" {
		var words []string
		for _, word := range u.Command {
			words = append(words, plain(word))
		}
		b.WriteString("    command: [" + strings.Join(words, ", ") + "]\n")
		if len(u.Env) > 0 {
			b.WriteString("    env: # a variable of the command, and the secret that it is given\n")
		}
		for _, variable := range slices.Sorted(maps.Keys(u.Env)) {
			b.WriteString("      " + plain(variable) + ": " + plain(u.Env[variable]) + "\n")
		}
		firstSandbox(b, &u.Sandbox)
		return
	}
	b.WriteString("    url: " + plain(u.URL) + "\n")
	if u.Transport != "" {
		b.WriteString("    transport: " + plain(u.Transport) + "\n")
	}
	switch c := u.Credential; {
	case c == nil:
	case c.Bearer != "":
		b.WriteString("    credential: {bearer: " + plain(c.Bearer) + "}\n")
	default:
		b.WriteString("    credential: {header: " + plain(c.Header) + ", value: " + plain(c.Value) + "}\n")
	}
}

// firstSandbox writes what a command's own words say that it works on.
func firstSandbox(b *strings.Builder, s *Sandbox) {
	if len(s.Read) == 0 {
		return
	}
	var paths []string
	for _, p := range s.Read {
		paths = append(paths, plain(p))
	}
	b.WriteString("    sandbox: # it sees no other files of yours, and has no network; write: lets it change some\n")
	b.WriteString("      read: [" + strings.Join(paths, ", ") + "]\n")
}
