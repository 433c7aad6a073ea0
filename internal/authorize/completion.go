package authorize

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/yosida95/uritemplate/v3"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Bounds of a completion on a resource template. What is beyond them is left out.
const (
	maxValues    = 100  // MCP 2025-11-25, completion: "maximum 100 items"
	maxVariables = 32   // of a template; resolve matches no more either
	maxURI       = 2048 // bytes of a URI, as for one that is read
)

// unknownValue stands for a variable that the client has not chosen yet.
const unknownValue = "x"

// completes tells whether the method is a completion, the one that names a thing
// of a kind that its row does not fix.
func completes(r *gate.Route) bool { return r.Action == gate.Relay && r.Item == gate.NoItem }

// Review takes those values out of a completion on a resource template that
// lead to a URI which the principal may not read. A value is put in the
// template's place with what the client has chosen for the variables before it,
// and "x" for those after it that it has not: the value is kept when policy
// allows that URI. Where a variable before it is not chosen, or the argument is
// no variable of the template, nobody can say where the value leads, and it is
// left out. A value of a prompt's argument is kept when the prompt could be called
// with it and with what the client has chosen.
//
// What an upstream returns for other variables than those that it was sent, it
// tells all the same: the gateway cannot see that.
func (s *Stage) Review(_ context.Context, ex *gate.Exchange, m *gate.Message) (*gate.Message, gate.Verdict, error) {
	if m.Kind != gate.Result || !completes(&ex.Call.Route) {
		return nil, gate.Pass(), nil
	}
	it := ex.Target.Item
	if it == nil || ex.Call.Message == nil {
		return nil, gate.Verdict{}, errors.New("authorizing a completion: nothing was resolved")
	}
	at, ok := m.Field("completion")
	if !ok {
		return nil, gate.Pass(), nil
	}
	rest, err := narrow(m.Bytes(at), s.mayComplete(ex, it))
	switch {
	case err != nil:
		return nil, gate.Refuse(gate.CodeReply, fmt.Sprintf("completion: %v", err), "the upstream's answer breaks the protocol"), nil
	case rest == nil:
		return nil, gate.Pass(), nil
	}
	raw := make([]byte, 0, len(m.Raw))
	raw = append(append(append(raw, m.Raw[:at.Start]...), rest...), m.Raw[at.End:]...)
	shown, err := mcp.ParseUpstream(raw)
	if err != nil {
		return nil, gate.Verdict{}, fmt.Errorf("authorizing a completion: %w", err)
	}
	return shown, gate.Pass(), nil
}

// mayComplete tells whether a value may be shown to the client.
func (s *Stage) mayComplete(ex *gate.Exchange, it *gate.Item) func(value string) bool {
	if it.Kind == gate.Prompt {
		q, c := question(ex, it.Kind, it.Upstream, it.Name), completionOf(ex.Call.Message)
		return func(value string) bool {
			q.Args = c.with(value)
			return s.policy.Judge(q).Allowed
		}
	}
	expand := expander(it, ex.Call.Message)
	return func(value string) bool {
		uri, ok := expand(value)
		return ok && unsafeURI(uri) == "" && s.policy.Decide(ex.Principal, gate.Resource, it.Upstream, uri).Allowed
	}
}

// completion is what a client asks to have completed: one argument, and what it has
// chosen for others.
type completion struct {
	name, value string
	chosen      map[string]string
}

// completionOf reads a completion. What cannot be read was not chosen.
func completionOf(m *gate.Message) completion {
	var argument struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	var chosen struct {
		Arguments map[string]string `json:"arguments"`
	}
	if at, ok := m.Field("argument"); ok {
		_ = json.Unmarshal(m.Bytes(at), &argument)
	}
	if at, ok := m.Field("context"); ok {
		_ = json.Unmarshal(m.Bytes(at), &chosen)
	}
	return completion{argument.Name, argument.Value, chosen.Arguments}
}

// with are the arguments of a call with that value, a JSON object: none for a value
// that has not begun.
func (c completion) with(value string) []byte {
	all := maps.Clone(c.chosen)
	if all == nil {
		all = map[string]string{}
	}
	if delete(all, c.name); value != "" {
		all[c.name] = value
	}
	args, err := json.Marshal(all)
	if err != nil {
		return []byte("null") // which is judged as no arguments at all, and refused
	}
	return args
}

// expander makes the URI that a value of the argument under completion leads
// to; false where nobody can say.
func expander(it *gate.Item, request *gate.Message) func(value string) (string, bool) {
	nowhere := func(string) (string, bool) { return "", false }
	var argument struct {
		Name string `json:"name"`
	}
	var chosen struct {
		Arguments map[string]string `json:"arguments"`
	}
	// What cannot be read was not chosen.
	if at, ok := request.Field("argument"); !ok || json.Unmarshal(request.Bytes(at), &argument) != nil {
		return nowhere
	}
	if at, ok := request.Field("context"); ok && json.Unmarshal(request.Bytes(at), &chosen) != nil {
		return nowhere
	}
	if it.Kind != gate.Template || modified(it.Name) {
		return nowhere
	}
	template, err := uritemplate.New(it.Name)
	if err != nil {
		return nowhere
	}
	names, vars, found := template.Varnames(), uritemplate.Values{}, false
	if len(names) > maxVariables || strings.Count(it.Name, "{")+strings.Count(it.Name, ",") > maxVariables {
		return nowhere
	}
	for _, name := range names {
		value, known := chosen.Arguments[name]
		switch {
		case name == argument.Name:
			found = true
		case known && len(value) <= maxURI:
			vars[name] = uritemplate.String(value)
		case !known && found:
			vars[name] = uritemplate.String(unknownValue)
		default:
			return nowhere
		}
	}
	if !found {
		return nowhere
	}
	return func(value string) (string, bool) {
		if len(value) > maxURI {
			return "", false
		}
		vars[argument.Name] = uritemplate.String(value)
		uri, err := template.Expand(vars)
		return uri, err == nil && len(uri) <= maxURI
	}
}

// modified tells whether a template cuts a value: what is behind the cut would
// be in no URI that policy is asked about (RFC 6570 section 2.4.1).
func modified(template string) bool {
	for {
		_, after, ok := strings.Cut(template, "{")
		if !ok {
			return false
		}
		expression, rest, _ := strings.Cut(after, "}")
		if strings.Contains(expression, ":") {
			return true
		}
		template = rest
	}
}

// narrow is the completion without the values that may not be kept, and then
// without total and hasMore, which count them too; nil when all may stay. The
// bytes of every other member are as they were.
func narrow(completion []byte, may func(value string) bool) ([]byte, error) {
	removed := false
	out := []byte{'{'}
	err := members(completion, func(name string, value jsontext.Value) error {
		switch name {
		case "total", "hasMore":
			return nil
		case "values":
			kept, n, err := narrowValues(value, may)
			if err != nil {
				return err
			}
			removed, value = n > 0, kept
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out, _ = jsontext.AppendQuote(out, name) // read from valid JSON
		out = append(append(out, ':'), value...)
		return nil
	})
	if err != nil || !removed {
		return nil, err
	}
	return append(out, '}'), nil
}

// narrowValues is the array without the values that may not be kept, and how
// many those are.
func narrowValues(array []byte, may func(value string) bool) (kept []byte, removed int, err error) {
	d := jsontext.NewDecoder(bytes.NewReader(array))
	if open, err := d.ReadToken(); err != nil || open.Kind() != '[' {
		return nil, 0, errors.New("values is no array")
	}
	kept = []byte{'['}
	for n := 0; d.PeekKind() != ']'; n++ {
		raw, err := d.ReadValue()
		if err != nil || raw.Kind() != '"' {
			return nil, 0, errors.New("a value is not a string")
		}
		value, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return nil, 0, errors.New("a value is not text")
		}
		if n >= maxValues || !may(string(value)) {
			removed++
			continue
		}
		if len(kept) > 1 {
			kept = append(kept, ',')
		}
		kept = append(kept, raw...)
	}
	return append(kept, ']'), removed, nil
}

// members calls yield for every member of an object, in order. The value is
// yield's until it returns.
func members(object []byte, yield func(name string, value jsontext.Value) error) error {
	d := jsontext.NewDecoder(bytes.NewReader(object))
	if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
		return errors.New("it is no object")
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return fmt.Errorf("reading it: %w", err)
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return fmt.Errorf("reading it: %w", err)
		}
		if err := yield(key, value); err != nil {
			return err
		}
	}
	return nil
}
