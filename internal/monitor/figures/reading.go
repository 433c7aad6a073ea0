package figures

import (
	"slices"
	"strings"
	"time"

	"doorward/internal/gate"
	"doorward/internal/monitor"
)

// Fact is what the figures know of one record: an outcome, or an event.
type Fact struct {
	At     time.Time
	Event  string    // its kind; empty for the outcome of an exchange
	Detail string    // of an event
	Method string    // how somebody proved, or tried to prove, who they are
	Code   gate.Code // of a refusal
}

// OfOutcome is the fact of an exchange that ended.
func OfOutcome(ex *gate.Exchange, out *gate.Outcome, now time.Time) Fact {
	f := Fact{At: now, Code: out.Verdict.Code, Method: ex.Attempt.Method}
	if ex.Principal != nil {
		f.Method = ex.Principal.Method
	}
	return f
}

// OfEvent is the fact of an event.
func OfEvent(ev *gate.Event, now time.Time) Fact {
	return Fact{At: now, Event: ev.Kind, Detail: ev.Detail}
}

// Arrival is what a request brought to prove who sent it.
type Arrival string

// The arrivals.
const (
	Valid     Arrival = "valid"     // a credential that is good
	Anonymous Arrival = "anonymous" // none, and the configuration lets such in
	Local     Arrival = "local"     // none: it came from the process's own user (stdio)
	Missing   Arrival = "missing"   // none, and one is asked for
	Invalid   Arrival = "invalid"   // one that is not good: unknown, expired, revoked, of somebody else
	Unproven  Arrival = "unproven"  // it was refused before anybody looked, or nobody could
)

// Arrivals are all of them.
func Arrivals() []Arrival { return []Arrival{Valid, Anonymous, Local, Missing, Invalid, Unproven} }

// Reading is what one record says to the figures; most say little.
type Reading struct {
	Arrival  Arrival   // empty: it is no request
	Violated gate.Code // the limit that was run into; empty: none
	// Rule of an alert about unauthorised access; empty: it is none. Detection is how
	// long it took.
	Rule      string
	Detection time.Duration
}

// The events that the figures look at.
const (
	kindTurnedAway = "request.turned_away"
	kindAlert      = "alert.raised"
	kindLimit      = "upstream.limit"
)

// commandLimits are the limits that a command may meet, as its record begins with them.
//
//nolint:gochecknoglobals // a table; read-only
var commandLimits = []string{"memory", "tasks", "cpu", "wall", "disk", "files", "output", "watch"}

// Read is what a record says.
func Read(f *Fact) Reading {
	switch f.Event {
	case "":
		return Reading{Arrival: arrival(f), Violated: violated(f.Code)}
	case kindTurnedAway: // listen writes the code first
		code, _, _ := strings.Cut(f.Detail, ":")
		return Reading{Arrival: Unproven, Violated: violated(gate.Code(code))}
	case kindLimit:
		if kind, _, ok := strings.Cut(f.Detail, ":"); ok && slices.Contains(commandLimits, kind) {
			return Reading{Violated: gate.Code("command." + kind)}
		}
	case kindAlert:
		if n, ok := monitor.ReadNoted(f.Detail); ok {
			if took, ok := n.Detection(); ok {
				return Reading{Rule: n.Rule, Detection: took}
			}
		}
	}
	return Reading{}
}

// arrival goes by what was refused first: the record of a refusal says what was
// tried, too.
func arrival(f *Fact) Arrival {
	switch f.Code {
	case gate.CodeUnauthenticated:
		return Missing
	case gate.CodeBadCredential, gate.CodeExpiredCredential, gate.CodeIdentityConflict:
		return Invalid
	case gate.CodeIdentityDown, gate.CodeContained, gate.CodeContainedAddress, gate.CodeContainedDown, gate.CodeLimitAddress:
		return Unproven
	case gate.CodeContainedPrincipal, gate.CodeContainedKey, gate.CodeContainedTenant: // whose proof was good
		return Valid
	default:
	}
	switch f.Method {
	case "":
		return Unproven
	case gate.MethodAnonymous:
		return Anonymous
	case gate.MethodLocal:
		return Local
	}
	return Valid
}

func violated(code gate.Code) gate.Code {
	if monitor.LimitViolation(code) {
		return code
	}
	return ""
}
