package audit

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"doorward/internal/gate"
)

// fill makes the record of an exchange. Its outcome leaves out what the intent
// before it already says (whence, the arguments, and what the principal may
// be); the two are joined by the exchange's id.
func (e *entry) fill(ex *gate.Exchange, told bool) error {
	r := &e.rec
	e.note.begin(ex.Principal)
	r.Exchange = clip(ex.ID, maxShort)
	r.Principal = caller(ex)
	call := &ex.Call
	if call.Era != gate.NoEra {
		r.Era = call.Era.String()
	}
	e.asked(ex)
	r.Upstream = clip(ex.Target.Upstream, maxShort)
	r.Unavailable = few(ex.Target.Unavailable, maxNames, maxName)
	r.Weaker = few(ex.Target.Weaker, maxSeen, maxName)
	r.Item = clip(call.Name, maxItem)
	if call.Item != gate.NoItem {
		r.ItemKind = call.Item.String()
	}
	if it := ex.Target.Item; it != nil {
		r.Pin = it.Digest
		if it.Kind != gate.Template { // what was read is the URI; the template is in the pin
			r.Item = clip(it.Name, maxItem)
		}
	}
	r.BytesIn = int64(ex.Tally.RequestBytes)
	r.Trace = ex.Trace.ID
	r.granted(ex)
	r.found(ex)
	if told {
		return e.note.seal(r)
	}
	if p := ex.Principal; p != nil {
		r.Groups = few(p.Groups, maxNames, maxShort)
		r.Roles = few(p.Roles, maxNames, maxShort)
		r.Scopes = few(p.Scopes, maxNames, maxShort)
		r.Act = actors(p.Act)
	}
	r.whence(ex)
	e.numbered(call.Message)
	return errors.Join(e.note.seal(r), e.keep(ex))
}

// granted says what policy and people gave the call.
func (r *Record) granted(ex *gate.Exchange) {
	g := &ex.Grant
	r.Policy = clip(g.Policy, maxShort)
	r.Role = clip(g.Role, maxShort)
	r.Rule = clip(g.Rule, maxText)
	r.Observed = few(g.Observed, maxSeen, maxSeenText)
	r.Approval = clip(ex.Approved, maxShort)
}

// found says what detectors saw: of the outcome also what the result had.
func (r *Record) found(ex *gate.Exchange) {
	if len(ex.Findings) == 0 {
		return
	}
	seen := make([]string, 0, maxSeen+1)
	for i := range ex.Findings[:min(len(ex.Findings), maxSeen+1)] {
		f := &ex.Findings[i]
		seen = append(seen, oneLine(f.Rule+" "+f.Severity.String()+" "+f.Where))
	}
	r.Findings = few(seen, maxSeen, maxSeenText)
}

func method(ex *gate.Exchange) string {
	switch {
	case ex.Call.Message != nil && ex.Call.Message.Method != "":
		return ex.Call.Message.Method
	case ex.Call.Route.Method != "":
		return ex.Call.Route.Method
	case ex.Target.Answers != "":
		return ex.Target.Answers
	}
	return ex.Inbound.Op
}

func (r *Record) whence(ex *gate.Exchange) {
	in := &ex.Inbound
	r.Transport = clip(in.Transport, maxShort)
	r.Profile = clip(in.Profile, maxShort)
	r.Remote = in.Remote.Unmap().WithZone("")
	r.Agent = clip(in.UserAgent, maxText)
	r.Request = clip(in.Request, maxShort)
	r.Span, r.Parent = ex.Trace.Span, ex.Trace.Parent
	if s := ex.Call.Session; s != nil {
		// The id is random and long, so a plain hash cannot be guessed back.
		var id [gate.MaxSessionID]byte
		sum := sha256.Sum256(append(id[:0], s.ID...))
		copy(r.Session[:], sum[:])
	}
}

// end adds how the exchange ended.
func (r *Record) end(ex *gate.Exchange, out gate.Outcome, now time.Time) {
	r.Effect = effect(out.Verdict.Effect)
	if a := out.Verdict.Approval; a != nil {
		r.Approval = clip(a.ID, maxShort)
	}
	r.Code = clip(string(out.Verdict.Code), maxShort)
	r.Stage = clip(out.Stage, maxShort)
	r.Reason = oneLine(clip(out.Verdict.Reason, maxText))
	r.Status = clip(out.Status, maxShort)
	r.Cached = clip(ex.Cached, maxShort)
	if !ex.Start.IsZero() {
		r.Duration = now.Sub(ex.Start)
	}
	r.UpstreamTime = ex.Tally.Upstream
	r.BytesOut = int64(ex.Tally.ReplyBytes)
	r.Notifications = int64(ex.Tally.Notifications)
	r.Asks = int64(ex.Tally.Asks)
}

// timed adds how long each stage took, where that can be counted in microseconds.
func (e *entry) timed(ex *gate.Exchange) {
	all := e.times[:0]
	for _, s := range ex.Tally.Stages[:min(len(ex.Tally.Stages), len(e.times))] {
		if s.Time >= time.Microsecond {
			s.Name = clip(s.Name, maxShort)
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b gate.StageTime) int { return strings.Compare(a.Name, b.Name) })
	e.rec.Stages = slices.CompactFunc(all, func(a, b gate.StageTime) bool { return a.Name == b.Name })
}

func effect(e gate.Effect) string {
	switch e {
	case gate.Continue:
		return "continue"
	case gate.Hold:
		return "hold"
	case gate.Deny:
	}
	return "deny"
}

func (r *Record) event(ev gate.Event) {
	r.Event = clip(ev.Kind, maxShort)
	r.Actor = clip(ev.Actor, maxText)
	r.Upstream = clip(ev.Upstream, maxShort)
	r.Exchange = clip(ev.Exchange, maxShort)
	r.Detail = oneLine(clip(ev.Detail, maxText))
	r.Status = clip(ev.Status, maxShort)
}

// few is a list within the bounds of a record: at most so many texts, each of at
// most limit bytes, and "…" where there were more. One that is within them is
// not copied.
func few(all []string, most, limit int) []string {
	over := func(s string) bool { return len(s) > limit }
	if len(all) <= most && !slices.ContainsFunc(all, over) {
		return all
	}
	out := make([]string, 0, most+1)
	for _, s := range all[:min(len(all), most)] {
		out = append(out, clip(s, limit))
	}
	if len(all) > most {
		out = append(out, "…")
	}
	return out
}

// clip cuts s to at most limit bytes, between characters, and marks the cut.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > limit-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// oneLine keeps a text on one line also when it is shown decoded.
func oneLine(s string) string {
	if strings.IndexFunc(s, control) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if control(r) {
			return ' '
		}
		return r
	}, s)
}

func control(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029
}
