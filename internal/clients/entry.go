package clients

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Bounds of one server of a client's file.
const (
	maxServers = 1000     // of one file
	maxWords   = 256      // of a command
	maxWord    = 16 << 10 // bytes of a word of a command, or of a URL
	maxNamed   = 64       // variables or headers
)

// entry is a server as a client's file has it.
type entry struct {
	name     string
	client   *Client // nil: a file that is not one of a client's places
	file     string
	root     []string
	command  []string
	url      string
	kind     string    // stdio, http, sse, ws; empty when neither command nor url is there
	env      []setting // of the command
	headers  []setting // of the URL
	warnings []string
	dir      string   // that the command runs in; empty: the client's
	risks    []Danger // in the values of variables, which are not kept
	approves string   // the key by which the client asks nobody; empty: it asks
	broken   string   // why it cannot be read; empty when it can
}

// setting is a variable or a header. Its value is not kept: where it is nothing
// but a reference to a variable, that variable's name is, and otherwise a digest
// by which equal ones are told.
type setting struct {
	name     string
	bearer   bool   // the value began with "Bearer "
	variable string // that the value refers to
	digest   [sha256.Size]byte
}

// entries are the servers below root, by name.
func entries(tree map[string]any, c *Client, p Place) ([]entry, error) {
	servers := at(tree, p.Root)
	if len(servers) > maxServers {
		return nil, fmt.Errorf("there are more than %d servers in it", maxServers)
	}
	var all []entry
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		e := entry{name: name, client: c, file: p.Path, root: p.Root}
		if fields, ok := servers[name].(map[string]any); ok {
			e.read(fields)
		} else {
			e.broken = "it is not what a client writes there"
		}
		all = append(all, e)
	}
	return all, nil
}

func (e *entry) warn(format string, args ...any) {
	e.warnings = append(e.warnings, fmt.Sprintf(format, args...))
}

func (e *entry) read(fields map[string]any) {
	args := fields["args"]
	switch c := fields["command"].(type) {
	case string:
		e.command = []string{c}
	case map[string]any: // Zed's older form
		if program, ok := c["path"].(string); ok {
			e.command = []string{program}
		}
		args = c["args"]
		if env, ok := c["env"].(map[string]any); ok && fields["env"] == nil {
			fields["env"] = env
		}
	}
	e.words(args)
	e.address(fields)
	e.dir, _ = fields["cwd"].(string)
	e.env = e.settings(fields["env"], false)
	e.headers = slices.Concat(e.settings(fields["headers"], true), e.settings(fields["http_headers"], true))
	e.codex(fields)
	e.leftBehind(fields)
	if len(e.env) > maxNamed || len(e.headers) > maxNamed {
		e.broken = fmt.Sprintf("it has more than %d variables or headers", maxNamed)
	}
}

func (e *entry) words(args any) {
	if e.command == nil || args == nil {
		return
	}
	list, ok := args.([]any)
	if !ok || len(list) >= maxWords {
		e.broken = fmt.Sprintf("its args are no list of at most %d words", maxWords)
		return
	}
	for _, a := range list {
		word, ok := a.(string)
		if !ok || len(word) > maxWord {
			e.broken = "one of its args is no text, or too long"
			return
		}
		e.command = append(e.command, word)
	}
}

// address finds the URL and what is spoken there.
func (e *entry) address(fields map[string]any) {
	declared, _ := fields["type"].(string)
	if declared == "" {
		declared, _ = fields["transport"].(string)
	}
	for _, key := range []string{"httpUrl", "serverUrl", "url"} {
		u, ok := fields[key].(string)
		if !ok || u == "" {
			continue
		}
		e.url, e.kind = u, kindOf(declared)
		if key == "httpUrl" {
			e.kind = "http"
		}
		break
	}
	switch lower := strings.ToLower(e.url); {
	case len(e.url) > maxWord:
		e.broken = "its URL is too long"
	case len(e.command) > 0 && e.command[0] != "":
		e.kind, e.url = "stdio", ""
	case e.url == "":
		e.command, e.kind = nil, ""
	case strings.HasPrefix(lower, "ws:") || strings.HasPrefix(lower, "wss:"):
		e.kind = "ws"
	case e.kind == "" && e.client != nil && e.client.bare == "sse":
		e.kind = "sse"
	case e.kind == "":
		e.guess()
	}
}

// kindOf is what a declared type means, "" when it says nothing.
func kindOf(declared string) string {
	switch strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(declared)) {
	case "http", "streamable", "streamablehttp":
		return "http"
	case "sse", "httpsse":
		return "sse"
	case "ws", "websocket":
		return "ws"
	}
	return ""
}

// guess is for clients that find out by trying.
func (e *entry) guess() {
	e.kind = "http"
	before, _, _ := strings.Cut(e.url, "?")
	if path.Base(before) == "sse" {
		e.kind = "sse"
		e.warn("does not say what its URL speaks; it is taken for HTTP+SSE by its path")
	}
}

// settings are the variables or headers of a map, without their values.
func (e *entry) settings(v any, header bool) []setting {
	m, _ := v.(map[string]any)
	var all []setting
	for _, name := range slices.Sorted(maps.Keys(m)) {
		text, ok := m[name].(string)
		if !ok {
			text = fmt.Sprint(m[name]) // numbers and booleans stand for their text
		}
		s := setting{name: name}
		if !header {
			e.risks = append(e.risks, ofVariable(name, text)...)
		}
		if scheme, rest, ok := strings.Cut(strings.TrimSpace(text), " "); header && ok && strings.EqualFold(scheme, "Bearer") && strings.EqualFold(name, "Authorization") {
			s.bearer, text = true, strings.TrimSpace(rest)
		}
		s.variable = referenced(text)
		s.digest = sha256.Sum256([]byte(text))
		all = append(all, s)
	}
	return all
}

// referenced is the variable that text is nothing but a reference to, in the
// syntax of any client.
func referenced(text string) string {
	m := regexp.MustCompile(`^(?:\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-[^}]*)?\}|\$([A-Za-z_][A-Za-z0-9_]*))$`).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1] + m[2]
}

// codex reads the keys by which Codex refers to its own environment.
func (e *entry) codex(fields map[string]any) {
	if name, ok := fields["bearer_token_env_var"].(string); ok && name != "" {
		e.headers = append(e.headers, setting{name: "Authorization", bearer: true, variable: name})
	}
	if m, ok := fields["env_http_headers"].(map[string]any); ok {
		for _, header := range slices.Sorted(maps.Keys(m)) {
			if name, ok := m[header].(string); ok {
				e.headers = append(e.headers, setting{name: header, variable: name})
			}
		}
	}
	if list, ok := fields["env_vars"].([]any); ok {
		for _, v := range list {
			if name, ok := v.(string); ok {
				e.env = append(e.env, setting{name: name, variable: name})
			}
		}
	}
}

// leftBehind warns of what has no counterpart here, by its name alone.
func (e *entry) leftBehind(fields map[string]any) {
	if fields["envFile"] != nil {
		e.warn("reads its environment from a file (envFile), which is not read here: name its variables under env")
	}
	if fields["cwd"] != nil {
		e.warn("sets a working directory (cwd), which a command does not have here")
	}
	if fields["oauth"] != nil || fields["oauthScopes"] != nil || fields["auth"] != nil {
		e.warn("signs in with OAuth in the client, which is not taken over")
	}
	for _, key := range []string{"autoApprove", "alwaysAllow", "trust", "enabledTools", "disabledTools", "includeTools", "excludeTools", "enabled_tools", "disabled_tools"} {
		if fields[key] != nil {
			e.warn("says in the client what may be used (%s): write roles for that, and approve its tools", key)
			if asksNobody(key, fields[key]) {
				e.approves = key
			}
		}
	}
	if fields["disabled"] == true || fields["enabled"] == false {
		e.warn("is disabled in the client")
	}
	if strings.Contains(strings.Join(e.command, " ")+e.url, "${") {
		e.warn("has placeholders (${…}), which are not expanded here: write the values")
	}
}

// dangers are those of its words, its variables and its directory.
func (e *entry) dangers() []Danger {
	if e.kind != "stdio" {
		return nil
	}
	names := make([]string, len(e.env))
	for i := range e.env {
		names[i] = e.env[i].name
	}
	return slices.Concat(Risks(e.command, names), e.risks, exposed(e.command, e.dir))
}

// isDoorward tells whether the entry is Doorward itself.
func (e *entry) isDoorward() bool {
	if e.name == Name {
		return true
	}
	if len(e.command) == 0 {
		return false
	}
	return programName(e.command[0]) == Name && slices.Contains(e.command[1:], "stdio")
}

// asksNobody knows the keys by which a client carries calls out unasked, unless
// they are empty or false.
func asksNobody(key string, v any) bool {
	if list, ok := v.([]any); ok && len(list) == 0 {
		return false
	}
	return v != false && (key == "autoApprove" || key == "alwaysAllow" || key == "trust")
}
