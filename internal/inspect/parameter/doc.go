// Package parameter looks at what a tool asks for: parameters for the conversation,
// the system prompt, the model's thoughts, secrets or what other tools returned, in
// a tool that does not need them. The model fills in what it is asked for, so such a
// parameter carries it away without a word of instruction (OWASP MCP03:2025;
// HiddenLayer, "Exploiting MCP tool parameters", 2025).
//
// The detector of definitions calls it. It judges a parameter by its name and its
// description against what the tool says it is for: a login asks for a password, and a
// tool for thinking for a thought. It does no I/O, keeps nothing and decides nothing.
package parameter

import (
	"strings"

	"doorward/internal/gate"
)

// Tool is what is looked at.
type Tool struct {
	Upstream    string // as configured; it tells what a tool is for, too
	Name        string
	Description string
	Schema      []byte // of the input; JSON
	At          string // JSON pointer of the schema in the definition
}

// Scan is what a tool asks for and does not need, in the order of pointers. A
// schema that is no JSON has no parameters.
func Scan(tool Tool) []gate.Finding {
	params := collect(tool.Schema, tool.At)
	if len(params) == 0 {
		return nil
	}
	documented(params, tool.Description)
	p := purpose(&tool, params)
	var found []gate.Finding
	for i := range params {
		if f, ok := judge(&params[i], p); ok {
			found = append(found, f)
		}
	}
	return found
}

// purpose is the union of the classes of the words that say what the tool is
// for: its names, and its description without the lines about parameters. That a
// description says "plan" or "file" makes no tool one for thinking or for files.
func purpose(of *Tool, params []param) class {
	c := union(words(of.Upstream)) | union(words(of.Name))
	if strings.Contains(strings.ToLower(of.Name), "think") { // smartthinking, deepthink
		c |= think
	}
	for line := range strings.Lines(of.Description) {
		if _, ok := documents(line, params); !ok {
			c |= union(words(line)) &^ (forThink | forFiles)
		}
	}
	for _, p := range [...][2]class{{talk, forChat}, {think, forThink}, {order | machine, forPrompt}, {secret | keyed, forSecret}, {tool, forTools}} {
		if c.has(p[0]) {
			c |= p[1]
		}
	}
	return c
}
