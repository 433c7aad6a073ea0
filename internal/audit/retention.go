package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Class says how long a record is kept.
type Class uint8

// The classes. A record of the zero one is never pruned.
const (
	Lasting Class = iota
	Calls         // exchanges about a tool, a prompt, a resource or a task
	Lists         // exchanges about nothing of the kind: what there is, greetings, notifications
	SignIns       // exchanges and requests that were turned away before anybody was known
	Events        // what is no exchange: acts of operators, changes, alerts, copies
	classes
)

// Classes are those that are pruned, by the names that configuration and records
// have for them.
func Classes() map[string]Class {
	return map[string]Class{"calls": Calls, "lists": Lists, "sign_ins": SignIns, "events": Events}
}

// String is the class's name.
func (c Class) String() string {
	for name, class := range Classes() {
		if class == c {
			return name
		}
	}
	return "lasting"
}

// The events about legal holds. Their detail begins with the id of the hold.
const (
	EventHold    = "privacy.hold"
	EventRelease = "privacy.release"
)

// stageIdentify is the pipeline's first stage, which turns away who is not known.
const stageIdentify = "identify"

// lasting are the events that a log needs for as long as it lives: whoever verifies it,
// destroys keys that a backup brought back, asks what was held and why, or what was lost.
func lasting(event string) bool {
	switch event {
	case eventKey, eventCompromised, eventPruned, eventErase, EventHold, EventRelease, EventLoss, EventAccepted:
		return true
	}
	return false
}

// ClassOf is the class of a record. All of an exchange is of one class, but for a call
// that was refused at the sign-in, which has no intent.
func ClassOf(r *Record) Class {
	switch r.Kind {
	case KindEvent:
		switch {
		case lasting(r.Event):
			return Lasting
		case r.Event == "request.turned_away":
			return SignIns
		}
		return Events
	case KindIntent, KindOutcome:
		switch {
		case r.Stage == stageIdentify:
			return SignIns
		case listing(r.Method):
			return Lists
		}
		return Calls
	}
	return Lasting
}

// listing tells whether a method asks for no item.
func listing(method string) bool {
	return strings.HasSuffix(method, "/list") || strings.HasPrefix(method, "notifications/") ||
		slices.Contains([]string{"initialize", "ping", "server/discover"}, method)
}

// Retention says which records are due.
type Retention struct {
	// Keep is how long records of a class are kept. A class that is not in it, or is in
	// it with zero, is kept for good.
	Keep map[Class]time.Duration
	// Holds gives what tells whether a record is under a legal hold; nil: none is. It is
	// asked before each segment, for holds may come while a long log is pruned. What it
	// gives must not keep the record.
	Holds func() (held func(*Record) bool, err error)
	// Holding, where there is one, gives what is held for each segment from before Holds is
	// asked until free is called, when what is due of it is gone: whoever has it to place a
	// hold, in this process or another, finds a segment as it was, or pruned, and none on
	// its way. Nothing goes without it.
	Holding func(context.Context) (free func(), err error)
	// Waits are copies that may not have a record yet.
	Waits []Wait
	// Pause is how long Prune rests after each segment, so that calls have the disk.
	Pause time.Duration
}

// Wait is a copy of the log that has all records before Next.
type Wait struct {
	Next uint64
	// For is how long a record that is due waits for the copy. Zero: without end.
	For time.Duration
}

// margin is how much longer than it must a record is kept, so that a clock that was put
// back a little does not make a log say that it was pruned too early.
const margin = time.Hour

// shortest is the shortest time that anything is kept for; false: nothing is pruned.
func (t *Retention) shortest() (keep time.Duration, some bool) {
	for class, k := range t.Keep {
		if class != Lasting && k > 0 && (!some || k < keep) {
			keep, some = k, true
		}
	}
	return keep, some
}

// fate is what becomes of a record.
type fate uint8

const (
	young   fate = iota // it is not due, or never is
	due                 // it may go
	held                // it is due, and under a legal hold
	waiting             // it is due, and a copy does not have it yet
)

// judge decides about the records of one segment, in their order. The same records, the
// same retention and the same now have the same fates.
type judge struct {
	*Retention
	held   func(*Record) bool
	now    time.Time
	live   bool      // the segment is being written: its last line may not be whole
	newest time.Time // of the records so far
}

// judge is one that begins with a segment.
func (t *Retention) judge(now time.Time) (judge, error) {
	j := judge{Retention: t, now: now, held: func(*Record) bool { return false }}
	if t.Holds == nil {
		return j, nil
	}
	var err error
	if j.held, err = t.Holds(); err != nil {
		return j, fmt.Errorf("asking for legal holds: %w", err)
	}
	return j, nil
}

// of decides about a record. Its age is that of the newest record so far: then what is
// pruned is never older than what is kept before it, which Verify holds it to.
func (j *judge) of(r *Record) (Class, fate) {
	if r.Time.After(j.newest) {
		j.newest = r.Time
	}
	class := ClassOf(r)
	keep := j.Keep[class]
	if class == Lasting || keep <= 0 {
		return class, young
	}
	over := j.now.Sub(j.newest) - keep - margin
	switch {
	case over < 0:
		return class, young
	case j.held(r):
		return class, held
	}
	for _, w := range j.Waits {
		if r.Seq >= w.Next && (w.For <= 0 || over < w.For) {
			return class, waiting
		}
	}
	return class, due
}
