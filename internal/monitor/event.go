package monitor

import (
	"net/netip"
	"strings"
	"time"

	"doorward/internal/gate"
)

// Event is what the rules know of one record. Its texts are shared with the
// exchange and let go of within a second.
type Event struct {
	At       time.Time
	Kind     string // of an event on record, "trust.changed"; empty for an exchange that ended
	Exchange string
	Who      *gate.Principal // nil: nobody was let in, even where it is known who they are
	Address  netip.Addr      // of the client; the zero value where the transport has none
	Upstream string
	Tool     string // tool or prompt as its upstream names it; a resource's URI may hold arguments, so it is not here
	Code     gate.Code
	Status   string // "ok", "error", "refused", "failed"; of an act also "begun"
	Bytes    int64  // of the request and of what came back
	Call     uint64 // the same for calls of one tool or prompt with the same arguments; 0 where it is not known
	Secret   bool   // a detector saw a credential in the arguments
}

// secretClass is the family of findings about credentials; that of a planted value,
// ruleCanary, has an event and a rule of its own.
const (
	secretClass = "secret"
	ruleCanary  = "secret.canary"
)

// OfExchange is the event of an exchange that ended, without what Alike says.
func OfExchange(ex *gate.Exchange, out *gate.Outcome, now time.Time) Event {
	e := about(ex, now)
	if out.Stage == stageIdentify {
		e.Who = nil
	}
	e.Code, e.Status = out.Verdict.Code, out.Status
	if out.Verdict.Effect == gate.Hold {
		e.Status = statusHeld
	}
	e.Bytes = int64(ex.Tally.RequestBytes) + int64(ex.Tally.ReplyBytes)
	for i := range ex.Findings {
		f := &ex.Findings[i]
		if f.Severity >= gate.Medium && inArguments(f.Where) && f.Class() == secretClass && f.Rule != ruleCanary {
			e.Secret = true
			break
		}
	}
	return e
}

// stageIdentify is the stage that lets nobody in whom it refuses, also not those who
// have proved who they are and were revoked or suspended.
const stageIdentify = "identify"

// statusHeld is the status of a call that waits for people: nobody denied it.
const statusHeld = "held"

// inArguments tells of what was found in what a client sent. What its strings say
// together has no place.
func inArguments(where string) bool { return where == "" || strings.HasPrefix(where, "/arguments") }

// OfEvent is the event of what is on record and no exchange. ex is the exchange that
// led to it; nil without one.
func OfEvent(ev *gate.Event, ex *gate.Exchange, now time.Time) Event {
	e := Event{At: now}
	if ex != nil {
		e = about(ex, now)
	}
	e.Kind, e.Status, e.Exchange = ev.Kind, ev.Status, ev.Exchange
	if ev.Upstream != "" {
		e.Upstream = ev.Upstream
	}
	if ev.Kind == kindTurnedAway { // listen writes the address and the code
		e.Address = ev.Remote
		code, _, _ := strings.Cut(ev.Detail, ":")
		e.Code = gate.Code(code)
	}
	return e
}

// The kinds of events on record that rules look for.
const (
	kindTurnedAway = "request.turned_away"
	kindCanary     = "incident.canary"
	kindVerify     = "audit.verify"
	kindForked     = "audit.forked"
)

func about(ex *gate.Exchange, now time.Time) Event {
	e := Event{At: now, Exchange: ex.ID, Who: ex.Principal, Address: ex.Inbound.Remote, Upstream: ex.Target.Upstream}
	if it := ex.Target.Item; it != nil && (it.Kind == gate.Tool || it.Kind == gate.Prompt) {
		e.Tool = it.Name
	}
	return e
}
