package inspect

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/inspect/personal"
	"doorward/internal/inspect/secrets"
	"doorward/internal/mcp"
)

// Judge looks at what a call, or the answer to an upstream's question, carries
// to the upstream. Low findings are not its business: honest calls are full of
// addresses and numbers.
func (s *Stage) Judge(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	m := ex.Call.Message
	if m == nil || ex.Principal == nil {
		return gate.Verdict{}, errors.New("inspecting: the call has no message or principal")
	}
	o := outgoing{stage: s, ex: ex, planted: s.Canaries()}
	if err := walk(m, o.text); err != nil {
		return gate.Verdict{}, fmt.Errorf("inspecting arguments: %w", err)
	}
	o.joined()
	o.members()
	o.numbers(m.Raw)
	return o.verdict(ctx)
}

// outgoing is the look at one message on its way to an upstream.
type outgoing struct {
	stage    *Stage
	ex       *gate.Exchange
	planted  *secrets.Canaries // nil: none
	texts    []string
	all      []string // the names of members and the ends of values, in order
	names    []string
	blocking []gate.Finding // what refuses the call
	canaries []gate.Finding
}

// Bounds of what is looked at as one text.
const (
	maxJoined = 256 // strings of one call
	maxEnd    = 512 // bytes of a value, at either end, that are joined with names
)

func (o *outgoing) text(t *mcp.Text) error {
	if t.Value == "" || opaque(t) {
		return nil
	}
	if len(o.texts) < maxJoined && !t.Name {
		o.texts = append(o.texts, t.Value)
	}
	if len(o.all) < 2*maxJoined {
		o.all = append(o.all, ends(t.Value))
	}
	if t.Name && len(o.names) < maxJoined {
		o.names = append(o.names, t.Value)
	}
	o.look(t.Value, func() string { return place(t) })
	return nil
}

// ends is a value without its middle: nothing in that touches a name.
func ends(v string) string {
	if len(v) <= 2*maxEnd {
		return v
	}
	return v[:maxEnd] + "\n" + v[len(v)-maxEnd:]
}

// place is where a text stands. The name of a member is no place that may be told:
// it may be what was found.
func place(t *mcp.Text) string {
	at := t.Pointer()
	for _, member := range [...]string{"/params/", "/result/", "/error/"} {
		if rest, ok := strings.CutPrefix(at, member); ok {
			at = "/" + rest
			break
		}
	}
	if t.Name {
		return at[:max(0, strings.LastIndexByte(at, '/'))]
	}
	return at
}

// look puts one text before the detectors; where is asked only when something
// is found.
func (o *outgoing) look(text string, where func() string) {
	s := o.stage
	if o.planted != nil {
		o.take(o.planted.Find(text), gate.Block, where, &o.canaries)
	}
	if s.Arguments.Secrets != gate.Allow {
		o.take(secretsIn(text), s.Arguments.Secrets, where, &o.blocking)
	}
	if s.Arguments.Personal != gate.Allow {
		o.take(personal.Scan(text), s.Arguments.Personal, where, &o.blocking)
	}
}

// joined looks at the strings of the call, and of the last few calls of the
// conversation, as one text.
func (o *outgoing) joined() {
	s := o.stage
	if len(o.texts) == 0 || s.Arguments.Secrets == gate.Allow && o.planted == nil {
		return
	}
	found, canaries := s.Memory.add(conversation(o.ex), o.ex.Target.Upstream+"/"+o.name(), o.texts, o.planted)
	whole := func() string { return "" }
	if len(o.canaries) == 0 {
		o.take(canaries, gate.Block, whole, &o.canaries)
	}
	if s.Arguments.Secrets != gate.Allow {
		o.take(found, s.Arguments.Secrets, whole, &o.blocking)
	}
}

// members looks at the names of members together with their values, and at the names
// alone, one behind the other: an object holds a text in both.
func (o *outgoing) members() {
	whole := func() string { return "" }
	for _, parts := range [...][]string{o.all, o.names} {
		if o.planted != nil && len(o.canaries) == 0 {
			o.take(o.planted.Find(strings.Join(parts, "")), gate.Block, whole, &o.canaries)
		}
		if o.stage.Arguments.Secrets != gate.Allow && len(o.blocking) == 0 {
			o.take(secrets.Across(parts), o.stage.Arguments.Secrets, whole, &o.blocking)
		}
	}
}

// numbers looks at lists of numbers that are characters: no string holds them.
func (o *outgoing) numbers(raw []byte) {
	if text := secrets.Codes(string(raw)); text != "" && len(o.canaries) == 0 && len(o.blocking) == 0 {
		o.look(text, func() string { return "" })
	}
}

func (o *outgoing) take(found []gate.Finding, act gate.Act, where func() string, into *[]gate.Finding) {
	at, placed := "", false
	for i := range found {
		f := found[i]
		if f.Severity < gate.Medium {
			continue
		}
		if !placed {
			at, placed = where(), true
		}
		f.Where = at
		note(o.ex, f.Where, found[i:i+1])
		if act == gate.Block && (into == &o.canaries || !o.stage.Except(o.ex.Target.Upstream, o.name(), f.Class())) {
			*into = append(*into, f)
		}
	}
}

// name is the tool, prompt or resource as its upstream calls it.
func (o *outgoing) name() string {
	if it := o.ex.Target.Item; it != nil {
		return it.Name
	}
	return ""
}

func (o *outgoing) verdict(ctx context.Context) (gate.Verdict, error) {
	if len(o.canaries) > 0 {
		if err := o.stage.Seen(ctx, o.ex, o.canaries[0]); err != nil {
			return gate.Verdict{}, fmt.Errorf("raising a canary: %w", err)
		}
		return gate.Refuse(gate.CodeArgumentsRefused, "a planted value is on its way out: "+described(o.canaries), ""), nil
	}
	if len(o.blocking) == 0 {
		return gate.Pass(), nil
	}
	code, what := gate.CodeSecretLeaves, "a credential"
	if o.blocking[0].Class() == "personal" {
		code, what = gate.CodePersonalLeaves, "personal data"
	}
	return gate.Refuse(code, "the arguments hold "+described(o.blocking),
		fmt.Sprintf("The arguments hold %s. Leave it out: this server must not be given it.", what)), nil
}
