package evidence

import (
	"cmp"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"doorward/internal/audit"
	"doorward/internal/monitor"
)

// tally is what the records come to.
type tally struct {
	records       int
	began, raised time.Time
	named         map[string]bool // exchanges that the incident names

	persons, names, credentials, sessions, addresses, upstreams, policies map[string]bool

	tools    map[toolKey]*ToolCalls
	underway map[string]*ToolCalls // by exchange: an intent whose outcome has not come
	refusals map[string]int
	volume   Volume
	moments  []Moment
	first    mark // of the calls
	last     mark
	stopped  mark // the first that was refused because something is suspended
}

type toolKey struct{ upstream, item, method string }

// mark is where one record is.
type mark struct {
	at  time.Time
	log string
	seq uint64
}

func newTally(c *Case) *tally {
	t := &tally{
		named: map[string]bool{}, persons: map[string]bool{}, names: map[string]bool{}, credentials: map[string]bool{}, sessions: map[string]bool{},
		addresses: map[string]bool{}, upstreams: map[string]bool{}, policies: map[string]bool{}, tools: map[toolKey]*ToolCalls{}, underway: map[string]*ToolCalls{}, refusals: map[string]int{},
	}
	for i := range c.Incident.Steps {
		for _, id := range c.Incident.Steps[i].Exchanges {
			t.named[id] = true
		}
	}
	return t
}

// take adds one record.
func (t *tally) take(l *LogTrace, r *audit.Record) error {
	t.records++
	at := mark{r.Time, l.Name, r.Seq}
	switch {
	case r.Kind == audit.KindEvent:
		t.event(at, r)
		return nil
	case r.Kind != audit.KindIntent && r.Kind != audit.KindOutcome:
		return nil
	}
	if batch, _, _ := strings.Cut(r.Exchange, "."); t.named[r.Exchange] || t.named[batch] {
		t.begin(r.Time)
	}
	if t.first.at.IsZero() || at.at.Before(t.first.at) {
		t.first = at
	}
	if at.at.After(t.last.at) {
		t.last = at
	}
	t.who(r)
	if r.Kind == audit.KindIntent {
		tool := t.tool(r)
		tool.Unknown++
		t.underway[r.Exchange] = tool
		return nil
	}
	t.outcome(at, r)
	return nil
}

func (t *tally) begin(at time.Time) {
	if t.began.IsZero() || at.Before(t.began) {
		t.began = at
	}
}

// event is a moment, unless the incident's own steps say it better.
func (t *tally) event(at mark, r *audit.Record) {
	if n, ok := monitor.ReadNoted(r.Detail); ok && r.Event == "alert.raised" {
		t.begin(n.First)
		if t.raised.IsZero() || n.Raised.Before(t.raised) {
			t.raised = n.Raised
		}
	}
	switch r.Event {
	case "incident.open", "incident.contain", "incident.release", "incident.note", "incident.notify", "incident.close", "incident.alert", "incident.records":
		return
	}
	t.who(r)
	t.moments = append(t.moments, Moment{
		At: r.Time.UTC(), By: r.Actor, What: r.Event, Text: strings.TrimSpace(r.Detail + " " + r.Status), Log: at.log, Record: at.seq,
	})
}

// who notes whom a record is about.
func (t *tally) who(r *audit.Record) {
	note := func(in map[string]bool, text string) {
		if text != "" {
			in[strings.Clone(text)] = true
		}
	}
	switch p := &r.Principal; {
	case r.Key != (audit.SubjectID{}):
		note(t.persons, r.Key.String())
	case p.Subject != "":
		note(t.persons, p.Subject)
	}
	note(t.names, r.Principal.Subject)
	note(t.credentials, r.Principal.Credential)
	note(t.upstreams, r.Upstream)
	note(t.policies, r.Policy)
	if r.Session != ([16]byte{}) {
		note(t.sessions, hex.EncodeToString(r.Session[:]))
	}
	if r.Remote.IsValid() {
		note(t.addresses, r.Remote.String())
	}
}

func (t *tally) tool(r *audit.Record) *ToolCalls {
	method := cmp.Or(r.Method, "not read") // refused before anybody looked into it
	one, ok := t.tools[toolKey{r.Upstream, r.Item, method}]
	if !ok {
		one = &ToolCalls{Upstream: strings.Clone(r.Upstream), Item: strings.Clone(r.Item), Method: strings.Clone(method)}
		t.tools[toolKey{one.Upstream, one.Item, one.Method}] = one
	}
	return one
}

func (t *tally) outcome(at mark, r *audit.Record) {
	tool, ok := t.underway[r.Exchange]
	if ok {
		delete(t.underway, r.Exchange)
		tool.Unknown--
	} else {
		tool = t.tool(r)
	}
	tool.Total++
	switch {
	case r.Effect == "hold":
		tool.Held++
	case r.Status == "ok":
		tool.OK++
	case r.Status == "error":
		tool.Error++
	case r.Status == "failed":
		tool.Failed++
	default:
		tool.Refused++
	}
	if r.Code != "" {
		t.refusals[strings.Clone(r.Code)]++
	}
	if strings.HasPrefix(r.Code, "contained.") && (t.stopped.at.IsZero() || at.at.Before(t.stopped.at)) {
		t.stopped = at
	}
	t.volume.In += r.BytesIn
	t.volume.Out += r.BytesOut
}

// marks are the moments that calls make.
func (t *tally) marks() (out []Moment) {
	for _, m := range [...]struct {
		mark
		what string
	}{{t.first, "first call on record"}, {t.last, "last call on record"}, {t.stopped, "first call refused by containment"}} {
		if !m.at.IsZero() {
			out = append(out, Moment{At: m.at.UTC(), What: m.what, Log: m.log, Record: m.seq})
		}
	}
	return out
}

func (t *tally) affected() Affected {
	a := Affected{
		Persons: len(t.persons), Sessions: len(t.sessions), Upstreams: sorted(t.upstreams),
		Keys: most(sorted(t.persons)), Names: most(sorted(t.names)), Credentials: most(sorted(t.credentials)), Addresses: most(sorted(t.addresses)),
	}
	for key := range t.tools {
		if key.item != "" {
			a.Tools++
		}
	}
	return a
}

func sorted(m map[string]bool) []string {
	return append([]string{}, slices.Sorted(maps.Keys(m))...) // never nil
}

func most(all []string) []string { return all[:min(len(all), maxPersons)] }

// calls are what was called, the most frequent first; what is above the bound is one
// line.
func (t *tally) calls() []ToolCalls {
	out := []ToolCalls{}
	for _, one := range t.tools {
		whole := *one
		whole.Total += whole.Unknown
		out = append(out, whole)
	}
	slices.SortFunc(out, func(a, b ToolCalls) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Upstream, b.Upstream), cmp.Compare(a.Item, b.Item), cmp.Compare(a.Method, b.Method))
	})
	if len(out) <= maxTools {
		return out
	}
	rest := ToolCalls{Method: "others"}
	for _, one := range out[maxTools:] {
		rest.Total += one.Total
		rest.OK += one.OK
		rest.Error += one.Error
		rest.Refused += one.Refused
		rest.Failed += one.Failed
		rest.Held += one.Held
		rest.Unknown += one.Unknown
	}
	return append(out[:maxTools], rest)
}
