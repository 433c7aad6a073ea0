package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// ImportedServer is a server of a client's own configuration, ready for First.
type ImportedServer struct {
	Server
	Original string   // its name in that file
	Warnings []string // what was left behind and what to do about it
}

// maxImported bounds how many servers are taken from a file.
const maxImported = maxEntries

// clientFile is what Claude Desktop, Claude Code and Cursor (mcpServers) and VS
// Code (servers, or mcp.servers in its settings) keep.
type clientFile struct {
	MCPServers map[string]clientServer `json:"mcpServers"`
	Servers    map[string]clientServer `json:"servers"`
	MCP        struct {
		Servers map[string]clientServer `json:"servers"`
	} `json:"mcp"`
}

type clientServer struct {
	Command  string                     `json:"command"`
	Args     []string                   `json:"args"`
	URL      string                     `json:"url"`
	Type     string                     `json:"type"`
	Env      map[string]json.RawMessage `json:"env"`
	EnvFile  string                     `json:"envFile"`
	Headers  map[string]json.RawMessage `json:"headers"`
	Disabled bool                       `json:"disabled"`
}

// Import reads the servers of a client's configuration file: JSON, with
// comments and trailing commas let pass. It starts nothing, expands nothing,
// and never returns a value of the environment or of a header, only their
// names. The CLI calls it for doorward init.
func Import(path string) ([]ImportedServer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the client's configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the client's configuration: %w", err)
	case len(data) > maxFile:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return importServers(data)
}

func importServers(data []byte) ([]ImportedServer, error) {
	var file clientFile
	if err := json.Unmarshal(withoutComments(data), &file); err != nil {
		return nil, unreadableImport(err)
	}
	all := map[string]clientServer{}
	for _, m := range []map[string]clientServer{file.MCP.Servers, file.Servers, file.MCPServers} {
		maps.Copy(all, m)
	}
	if len(all) == 0 {
		return nil, errors.New("there are no servers in it: neither mcpServers nor servers")
	}
	if len(all) > maxImported {
		return nil, fmt.Errorf("there are more than %d servers in it", maxImported)
	}
	taken := map[string]bool{}
	var servers []ImportedServer
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := importOne(name, all[name])
		s.Name = free(s.Name, taken)
		taken[s.Name] = true
		if s.Name != name {
			s.Warnings = append(s.Warnings, fmt.Sprintf("is called %s here", s.Name))
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// unreadableImport tells where a file is broken without quoting it: what stands
// there may be a secret.
func unreadableImport(err error) error {
	if at, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("it is not JSON (at byte %d)", at.Offset)
	}
	if at, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s is not what a client writes there (at byte %d)", at.Field, at.Offset)
	}
	return errors.New("it is not JSON")
}

func importOne(name string, c clientServer) ImportedServer {
	s := ImportedServer{Original: name, Server: Server{Name: upstreamName(name)}}
	warn := func(format string, args ...any) { s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...)) }
	switch {
	case c.Command != "":
		s.Command = append([]string{c.Command}, c.Args...)
	case c.URL != "":
		s.URL = c.URL
	default:
		warn("has neither command nor url and will not start")
	}
	if c.Type == "sse" {
		warn("uses the old HTTP+SSE transport, which is not spoken here; its server may offer Streamable HTTP too")
	}
	if len(c.Env) > 0 {
		warn("sets %s in its environment; a command gets a clean environment here, so it will not see them", strings.Join(slices.Sorted(maps.Keys(c.Env)), ", "))
	}
	if c.EnvFile != "" {
		warn("reads its environment from a file; a command gets a clean environment here")
	}
	if len(c.Headers) > 0 {
		warn("sends the headers %s, which are not sent here", strings.Join(slices.Sorted(maps.Keys(c.Headers)), ", "))
	}
	if strings.Contains(strings.Join(s.Command, " ")+s.URL, "${") {
		warn("has placeholders (${…}), which are not expanded here: write the values")
	}
	if c.Disabled {
		warn("is disabled in the client")
	}
	return s
}

// upstreamName makes a name that an upstream may have.
func upstreamName(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		good := r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_'
		if !good {
			r = '-'
		}
		if b.Len() < maxNames-8 { // room for a number
			b.WriteRune(r)
		}
	}
	s := strings.Trim(b.String(), "-_")
	for strings.Contains(s, "__") {
		s = strings.ReplaceAll(s, "__", "_")
	}
	if s == "" {
		return "server"
	}
	return s
}

func free(name string, taken map[string]bool) string {
	next := name
	for i := 2; taken[next]; i++ {
		next = fmt.Sprintf("%s-%d", name, i)
	}
	return next
}

// withoutComments turns JSON with comments into JSON: comments, and commas
// before a closing bracket, become spaces, so offsets stay.
func withoutComments(data []byte) []byte {
	out := slices.Clone(data)
	blank := func(from, to int) {
		for i := from; i < to; i++ {
			if out[i] != '\n' {
				out[i] = ' '
			}
		}
	}
	comma := -1
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case c == '"':
			i, comma = stringEnd(out, i), -1
		case c == '/' && i+1 < len(out) && (out[i+1] == '/' || out[i+1] == '*'):
			end := commentEnd(out, i)
			blank(i, end)
			i = end - 1
		case c == ',':
			comma = i
		case (c == ']' || c == '}') && comma >= 0:
			out[comma], comma = ' ', -1
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			comma = -1
		}
	}
	return out
}

// stringEnd is the offset of the quote that closes the string at i.
func stringEnd(s []byte, i int) int {
	for i++; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return i
}

func commentEnd(s []byte, i int) int {
	mark := "\n"
	if s[i+1] == '*' {
		mark = "*/"
	}
	end := strings.Index(string(s[i+2:]), mark)
	switch {
	case end < 0:
		return len(s)
	case mark == "\n":
		return i + 2 + end
	}
	return i + 2 + end + len(mark)
}
