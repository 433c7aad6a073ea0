package audit

import (
	"crypto/sha256"
	"hash"
	"strings"
	"time"
	"unicode/utf8"

	"doorward/internal/gate"
)

// fill makes the record of an exchange. Its outcome leaves out what the intent
// before it already says (whence, and the digest of the arguments); the two
// are joined by the exchange's id.
func (r *Record) fill(ex *gate.Exchange, told bool, mac hash.Hash) {
	r.Exchange = clip(ex.ID, maxShort)
	r.Principal = principal(ex)
	call := &ex.Call
	if call.Era != gate.NoEra {
		r.Era = call.Era.String()
	}
	r.Method = clip(method(ex), maxShort)
	r.Upstream = clip(ex.Target.Upstream, maxShort)
	r.Unavailable = names(ex.Target.Unavailable)
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
	if !told {
		r.whence(ex, mac)
	}
}

// principal is who acted; of a sign-in that was refused, what was proved of it.
func principal(ex *gate.Exchange) Principal {
	p := ex.Principal
	if p == nil {
		a := &ex.Attempt
		p = &gate.Principal{Method: a.Method, Realm: a.Realm, Subject: a.Subject, Credential: a.Credential}
	}
	r := Principal{
		Method:     clip(p.Method, maxShort),
		Subject:    clip(p.Subject, maxText),
		Tenant:     clip(p.Tenant, maxShort),
		Client:     clip(p.Client, maxShort),
		Credential: clip(p.Credential, maxShort),
	}
	if p.Method == gate.MethodJWT || p.Method == gate.MethodIntrospection {
		r.Issuer = clip(p.Realm, maxText)
	}
	return r
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

func (r *Record) whence(ex *gate.Exchange, mac hash.Hash) {
	in := &ex.Inbound
	r.Transport = clip(in.Transport, maxShort)
	r.Profile = clip(in.Profile, maxShort)
	r.Remote = in.Remote.Unmap().WithZone("")
	r.Agent = clip(in.UserAgent, maxText)
	r.Request = clip(in.Request, maxShort)
	if s := ex.Call.Session; s != nil {
		// The id is random and long, so a plain hash cannot be guessed back.
		var id [maxShort]byte
		sum := sha256.Sum256(append(id[:0], s.ID...))
		copy(r.Session[:], sum[:])
	}
	m := ex.Call.Message
	if m == nil {
		return
	}
	if id := m.Bytes(m.ID); id != nil {
		r.ID = clip(string(id[:min(len(id), maxShort+1)]), maxShort)
	}
	if params := m.Bytes(m.Params); params != nil {
		mac.Reset()
		mac.Write(params)
		mac.Sum(r.Arguments[:0])
	}
}

// end adds how the exchange ended.
func (r *Record) end(ex *gate.Exchange, out gate.Outcome, now time.Time) {
	r.Effect = effect(out.Verdict.Effect)
	r.Code = clip(string(out.Verdict.Code), maxShort)
	r.Stage = clip(out.Stage, maxShort)
	r.Reason = oneLine(clip(out.Verdict.Reason, maxText))
	r.Status = clip(out.Status, maxShort)
	if !ex.Start.IsZero() {
		r.Duration = now.Sub(ex.Start)
	}
	r.UpstreamTime = ex.Tally.Upstream
	r.BytesOut = int64(ex.Tally.ReplyBytes)
	r.Notifications = int64(ex.Tally.Notifications)
	r.Asks = int64(ex.Tally.Asks)
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

// names is a list of upstreams' names within the bounds of a record.
func names(all []string) []string {
	if len(all) == 0 {
		return nil
	}
	out := make([]string, 0, min(len(all), maxNames+1))
	for _, name := range all {
		if len(out) == maxNames {
			return append(out, "…")
		}
		out = append(out, clip(name, maxName))
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
