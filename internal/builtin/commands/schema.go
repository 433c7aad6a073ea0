package commands

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/argv"
)

// outputSchema is what a tool gives, in JSON Schema.
const outputSchema = `{"type":"object","additionalProperties":false,"required":["ended","exit_code","stdout","stderr","truncated","replaced","duration_ms"],"properties":{
"ended":{"enum":["exited","timeout","output"],"description":"by itself; by Doorward, for it took too long; by Doorward, for it wrote too much"},
"exit_code":{"type":"integer","description":"128 and the number of the signal where one ended it, as shells say it"},
"signal":{"type":"string","description":"the signal that exit_code may mean: a program may exit with that number itself"},
"limit":{"type":"string","description":"the limit of its sandbox that it met"},
"stdout":{"type":"string"},
"stderr":{"type":"string"},
"truncated":{"type":"boolean","description":"there was more output than is here"},
"replaced":{"type":"boolean","description":"bytes that are no UTF-8, or control characters, are U+FFFD here"},
"duration_ms":{"type":"integer"}}}`

// described is the tool of a command.
func (t *tool) described() (*mcp.Tool, error) {
	properties, required := map[string]any{}, []string{}
	for _, name := range t.template.Takes() {
		p := t.set.Parameters[name]
		properties[name] = schemaOf(&p)
		t.numbers[name] = p.Type == argv.Integer
		if p.Default == "" {
			required = append(required, name)
		}
	}
	input, err := json.Marshal(map[string]any{"type": "object", "additionalProperties": false, "required": required, "properties": properties})
	if err != nil {
		return nil, err
	}
	text := t.Description
	if text == "" {
		text = "Run the command " + t.name + "."
	}
	destroys := !t.ReadOnly
	return &mcp.Tool{
		Name: t.name, InputSchema: json.RawMessage(input), OutputSchema: json.RawMessage(outputSchema),
		Description: fmt.Sprintf("%s At most %d bytes of each output come back, within %s.", strings.TrimSpace(text), t.Output, t.Timeout),
		Annotations: &mcp.ToolAnnotations{Title: t.name, ReadOnlyHint: t.ReadOnly, DestructiveHint: &destroys, OpenWorldHint: &t.set.OpenWorld},
	}, nil
}

// schemaOf is a parameter in JSON Schema: what the gateway refuses before it comes here. What
// JSON Schema cannot say is judged here alone.
func schemaOf(p *Parameter) map[string]any {
	s, r := map[string]any{"type": "string"}, &p.Rule
	length := r.Length
	if length == 0 {
		length = argv.DefaultLength
	}
	var says []string
	if p.Description != "" {
		says = append(says, p.Description)
	}
	switch {
	case r.Type == argv.Integer:
		s["type"], s["minimum"], s["maximum"] = "integer", *r.Minimum, *r.Maximum
	case r.Enum != nil:
		s["enum"] = r.Enum
	default:
		s["minLength"], s["maxLength"] = 1, length
	}
	switch {
	case r.Type == argv.Path:
		says = append(says, "An absolute path below "+strings.Join(r.Under, " or ")+".")
	case r.Type == argv.Identifier:
		says = append(says, "Letters, digits and _ . - / + @, beginning with a letter, a digit or _.")
	case r.Pattern != "" && portable(r.Pattern):
		s["pattern"] = "^(?:" + r.Pattern + ")$"
	case r.Pattern != "":
		says = append(says, "Matches "+r.Pattern+" (RE2).")
	}
	if r.Default != "" {
		says = append(says, r.Default+" unless it is sent.")
	}
	if len(says) > 0 {
		s["description"] = strings.Join(says, " ")
	}
	return s
}

// particular is what means something else in RE2 than in ECMA 262, which patterns of JSON Schema
// are written in, or nothing there: flags and named groups, \A \z \Q \C \a \p \x{, classes of POSIX.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var particular = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\(\?[^:]|\\[AzQECapPx]|\[\[?:|\[\]|\[\^\]`)
})

func portable(pattern string) bool { return !particular().MatchString(pattern) }
