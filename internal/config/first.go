package config

import (
	"slices"
	"strings"
)

// Server is an MCP server for a first configuration: a command or a URL.
type Server struct {
	Name    string
	Command []string
	URL     string
}

// First is the text of a first configuration for doorward init. It parses when
// the servers are good; who writes it should check that with Parse, for a name
// or a URL may not be.
func First(servers []Server) []byte {
	var b strings.Builder
	b.WriteString(`# Doorward's configuration. Every key: doorward config schema, or docs/reference/config.md.
# Check a change with: doorward config check
version: 1

# Clients connect to http://127.0.0.1:8080/mcp with a key:  doorward key create me
# Nothing is shown to them until you approve it:            doorward trust approve NAME
upstreams:`)
	if len(servers) == 0 {
		b.WriteString(` {}
  # files:
  #   command: [npx, -y, "@modelcontextprotocol/server-filesystem@2026.8.31", /srv/docs]
`)
	} else {
		b.WriteString("\n")
	}
	for _, s := range slices.SortedFunc(slices.Values(servers), func(a, b Server) int { return strings.Compare(a.Name, b.Name) }) {
		b.WriteString("  " + plain(s.Name) + ":\n")
		if s.URL != "" {
			b.WriteString("    url: " + plain(s.URL) + "\n")
			continue
		}
		var words []string
		for _, word := range s.Command {
			words = append(words, plain(word))
		}
		b.WriteString("    command: [" + strings.Join(words, ", ") + "]\n")
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
