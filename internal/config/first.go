package config

import (
	"maps"
	"slices"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/sandbox"
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
  #   sandbox: {read: [/srv/docs], network: ["registry.npmjs.org:443"], memory: 1GiB, disk: 512MiB}
`)
	} else if begun := slices.ContainsFunc(slices.Collect(maps.Values(upstreams)), func(u Upstream) bool { return u.Unlaunchable() == nil }); begun {
		b.WriteString("\n")
	} else {
		b.WriteString(" {} # take the braces away with the first # below\n")
	}
	for _, name := range slices.Sorted(maps.Keys(upstreams)) {
		firstUpstream(&b, name, upstreams[name])
	}
	firstSecrets(&b, upstreams, secrets)
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

// firstSecrets writes where credentials are. What only a command needs that is a comment
// is one, too: a gateway does not start without a secret that it is told of.
func firstSecrets(b *strings.Builder, upstreams map[string]Upstream, secrets map[string]Secret) {
	idle := map[string]bool{}
	for _, u := range upstreams {
		for _, name := range u.Env {
			idle[name] = true
		}
	}
	for _, u := range upstreams {
		if u.Unlaunchable() == nil {
			maps.DeleteFunc(idle, func(name string, _ bool) bool {
				return slices.Contains(slices.Collect(maps.Values(u.Env)), name) || u.uses(name)
			})
		}
	}
	head := "\n# Where credentials are. Set these variables where Doorward is started, or keep each in a file: file:PATH\nsecrets:\n"
	if len(secrets) > 0 && len(idle) == len(secrets) {
		head = strings.Replace(head, "secrets:", "# secrets:", 1)
	}
	if len(secrets) > 0 {
		b.WriteString(head)
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		mark := ""
		if idle[name] {
			mark = "# "
		}
		b.WriteString(mark + "  " + plain(name) + ": {from: " + plain(secrets[name].From) + "}\n")
	}
}

// uses tells whether a secret is an upstream's credential.
func (u *Upstream) uses(secret string) bool {
	return u.Credential != nil && (u.Credential.Bearer == secret || u.Credential.Value == secret)
}

// firstUpstream writes an upstream. A command that would be refused is a comment, beside
// what has to be done about it.
func firstUpstream(b *strings.Builder, name string, u Upstream) {
	refused := u.Unlaunchable()
	if refused == nil {
		writeUpstream(b, name, u)
		return
	}
	for _, breach := range refused {
		b.WriteString("  # " + name + " would be refused by launch rule " + string(breach.Rule) + ": " + gate.Visible(breach.String()) + "\n")
	}
	var block strings.Builder
	writeUpstream(&block, name, u)
	for line := range strings.Lines(block.String()) {
		b.WriteString("  #" + strings.TrimPrefix(line, " "))
	}
}

func writeUpstream(b *strings.Builder, name string, u Upstream) {
	b.WriteString("  " + plain(name) + ":\n")
	if u.URL == "" {
		b.WriteString("    command: " + plainList(u.Command) + "\n")
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

// Imported is the sandbox of a command that was taken over from elsewhere: it reads the
// paths that it names, and reaches the registry that its program fetches from.
func Imported(program string, paths []string) Sandbox {
	s := Sandbox{Read: paths, Network: sandbox.Registries(program)}
	if s.Network != nil { // a package with all that it needs, unpacked at each start
		s.Memory, s.Disk = 1<<30, 512<<20
	}
	return s
}

// firstSandbox writes what Imported gave.
func firstSandbox(b *strings.Builder, s *Sandbox) {
	if len(s.Read) == 0 && len(s.Network) == 0 {
		return
	}
	b.WriteString("    sandbox: # it sees and reaches nothing else; write: lets it change files\n")
	if len(s.Read) > 0 {
		b.WriteString("      read: " + plainList(s.Read) + "\n")
	}
	if len(s.Network) > 0 {
		b.WriteString("      network: " + plainList(s.Network) + " # to fetch what it runs, at each start\n")
		b.WriteString("      memory: " + s.Memory.String() + "\n      disk: " + s.Disk.String() + "\n")
	}
}

func plainList(words []string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = plain(w)
	}
	return "[" + strings.Join(all, ", ") + "]"
}
