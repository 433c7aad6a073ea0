package mcp

import (
	"errors"

	"doorward/internal/gate"
)

//nolint:gochecknoglobals // an index of the table; read-only
var rows = func() map[string]*gate.Route {
	m := make(map[string]*gate.Route, len(methods))
	for i := range methods {
		m[methods[i].Method] = &methods[i]
	}
	return m
}()

// Lookup finds a method's row. Without one the method is refused. The rows of
// the operations that are HTTP methods (gate.OpStream, gate.OpClose) are found
// too: whoever looks up what a body says must not take those.
func Lookup(method string) (gate.Route, bool) {
	r, ok := rows[method]
	if !ok {
		return gate.Route{}, false
	}
	return *r, true
}

// AnswerRoute is the row of a client's response to a server-to-client request,
// which has no method: kind is gate.Result or gate.Failure.
func AnswerRoute(kind gate.MessageKind) gate.Route {
	return gate.Route{Kind: kind, Direction: gate.ToServer, Since: V20241105, Until: V20251125, Stages: session, Action: gate.Answer}
}

// Speaks tells whether a known revision has the method of the row.
func Speaks(r gate.Route, version string) bool {
	// Revisions are dates in ISO 8601, so they order as text does.
	return Known(version) && r.Since != "" && r.Since <= version && (r.Until == "" || version <= r.Until)
}

// Named is the thing that a message names.
type Named struct {
	Kind gate.ItemKind
	Name string    // decoded
	At   gate.Span // its value in Message.Raw, quotes included
}

// Name finds what a request names, as its row says. It is the zero value for a
// method that names nothing; an error tells what is wrong with the params.
func Name(r gate.Route, m *gate.Message) (Named, error) {
	switch r.NameAt {
	case "":
		return Named{}, nil
	case "ref":
		return Reference(m)
	}
	at, ok := m.Field(r.NameAt)
	if !ok {
		return Named{}, errors.New("params." + r.NameAt + " is missing")
	}
	name, ok := unquote(m.Bytes(at))
	if !ok {
		return Named{}, errors.New("params." + r.NameAt + " is not a string")
	}
	if r.Task {
		// An id of Doorward's own making: whatever is wrong with it, whoever opens it
		// refuses it in the same way.
		return Named{Kind: r.Item, Name: name, At: at}, nil
	}
	if err := checkName(r.Item, name); err != nil {
		return Named{}, err
	}
	return Named{Kind: r.Item, Name: name, At: at}, nil
}

// Reference reads params.ref of completion/complete: {"type":"ref/prompt",
// "name"} names a gate.Prompt, {"type":"ref/resource","uri"} a gate.Template,
// whose uri may also be that of a resource.
func Reference(m *gate.Message) (Named, error) {
	at, ok := m.Field("ref")
	ref := m.Bytes(at)
	if !ok || !isObject(ref) {
		return Named{}, errors.New("params.ref is missing or not an object")
	}
	kind, key := gate.NoItem, ""
	switch text, _ := memberText(ref, "type"); text {
	case "ref/prompt":
		kind, key = gate.Prompt, "name"
	case "ref/resource":
		kind, key = gate.Template, "uri"
	default:
		return Named{}, errors.New("params.ref.type is neither ref/prompt nor ref/resource")
	}
	span, _ := memberSpan(ref, key)
	name, ok := unquote(ref[span.Start:span.End])
	if !ok {
		return Named{}, errors.New("params.ref." + key + " is missing or not a string")
	}
	if err := checkName(kind, name); err != nil {
		return Named{}, err
	}
	return Named{Kind: kind, Name: name, At: gate.Span{Start: at.Start + span.Start, End: at.Start + span.End}}, nil
}
