// Package replay asks a candidate policy about calls of the past, and says where
// its answer would differ from the present policy's. The command line calls it.
//
// Both policies are asked, not the record: what other stages refused then is left
// out of account. Labels of sessions are not on record, so a condition on them is
// judged as if there were none.
package replay

import (
	"context"
	"fmt"
	"strings"
	"time"

	"doorward/internal/policy"
	"doorward/internal/policy/recorded"
)

// The effects of a policy on a call.
const (
	Denied  = "denied"
	Held    = "held" // people must agree first
	Allowed = "allowed"
)

// The changes of an effect.
const (
	NewlyDenied  = "newly denied"
	NewlyAllowed = "newly allowed" // it was denied before
	NewlyHeld    = "newly held"
	NoLongerHeld = "no longer held"
)

// Outcome is one policy's answer about a call.
type Outcome struct {
	Effect string `json:"effect"`
	Rule   string `json:"rule,omitempty"` // that decided
	Why    string `json:"why,omitempty"`
}

// Difference is a call that the two policies answer differently.
type Difference struct {
	Change   string    `json:"change"`
	Exchange string    `json:"exchange"`
	Time     time.Time `json:"time"`
	Realm    string    `json:"realm"`
	Subject  string    `json:"subject"`
	Tenant   string    `json:"tenant,omitempty"`
	Kind     string    `json:"kind"`
	What     string    `json:"what"`   // upstream/name, or a URI
	Before   Outcome   `json:"before"` // under the present policy
	After    Outcome   `json:"after"`  // under the candidate
	Whole    bool      `json:"whole"`  // its arguments were judged too
}

// Report is what came of a replay.
type Report struct {
	Calls        int `json:"calls"`
	Unchanged    int `json:"unchanged"`
	NewlyDenied  int `json:"newly_denied"`
	NewlyAllowed int `json:"newly_allowed"`
	NewlyHeld    int `json:"newly_held"`
	NoLongerHeld int `json:"no_longer_held"`
	// Partly counts the calls, of all of the above, whose arguments were not kept:
	// they were judged by name alone.
	Partly int `json:"partly"`
	// Unjudged counts the calls about which no policy can be asked: who made them,
	// or what they named, is not on record. They are in no other count.
	Unjudged    int          `json:"unjudged"`
	Differences []Difference `json:"differences"`
}

// Changed tells whether the candidate denies or allows what the present policy
// does not, with or without people: what CI stops at.
func (r *Report) Changed() bool { return r.NewlyDenied > 0 || r.NewlyAllowed > 0 || r.NoLongerHeld > 0 }

// Policies are the two that a replay compares.
type Policies struct{ Present, Candidate *policy.Policy }

// pause is how many calls are judged between two looks at the context, and two
// reports of progress: some milliseconds' worth.
const pause = 256

// Run judges every call under both policies. progress may be nil; it is told now
// and then how many calls are done. An error is that of ctx.
func Run(ctx context.Context, p Policies, calls []recorded.Call, progress func(done int)) (Report, error) {
	r := Report{Calls: len(calls), Differences: []Difference{}}
	for i := range calls {
		if i%pause == 0 {
			if err := ctx.Err(); err != nil {
				return Report{}, fmt.Errorf("replaying: %w", err)
			}
			if progress != nil {
				progress(i)
			}
		}
		r.take(p, &calls[i])
	}
	return r, nil
}

func (r *Report) take(p Policies, c *recorded.Call) {
	if !c.Judged() {
		r.Unjudged++
		return
	}
	if !c.Kept {
		r.Partly++
	}
	before := outcome(p.Present, c.Question(c.Under(p.Present, p.Present)))
	after := outcome(p.Candidate, c.Question(c.Under(p.Candidate, p.Present)))
	change := changed(before.Effect, after.Effect)
	switch change {
	case NewlyDenied:
		r.NewlyDenied++
	case NewlyAllowed:
		r.NewlyAllowed++
	case NewlyHeld:
		r.NewlyHeld++
	case NoLongerHeld:
		r.NoLongerHeld++
	default:
		r.Unchanged++
		return
	}
	r.Differences = append(r.Differences, Difference{
		Change: change, Exchange: c.Exchange, Time: c.Time, Realm: c.Principal.Realm, Subject: c.Principal.Subject, Tenant: c.Principal.Tenant,
		Kind: c.Item().String(), What: c.Path(), Before: before, After: after, Whole: c.Kept,
	})
}

func changed(before, after string) string {
	switch {
	case before == after:
		return ""
	case after == Denied:
		return NewlyDenied
	case after == Held:
		return NewlyHeld
	case before == Held:
		return NoLongerHeld
	default:
		return NewlyAllowed
	}
}

func outcome(p *policy.Policy, q *policy.Question) Outcome {
	d := p.Judge(q)
	o := Outcome{Effect: Denied, Rule: d.Rule, Why: d.Reason}
	switch {
	case d.Allowed && d.Terms != nil:
		o.Effect, o.Why = Held, terms(d.Terms)
	case d.Allowed:
		o.Effect = Allowed
	}
	for _, more := range append([]string{d.Public, d.Detail}, d.Observed...) {
		if more != "" {
			o.Why += "; " + more
		}
	}
	if o.Effect == Denied && d.Reason == policy.ReasonNoRole && len(q.Who.Roles) == 0 {
		o.Why += " under this policy"
	}
	return o
}

func terms(t *policy.Terms) string {
	if t.Self {
		return "the caller must confirm it"
	}
	return fmt.Sprintf("%d of %s must agree", t.Count, strings.Join(t.Roles, ", "))
}

// Only keeps the differences of one change; the counts stay.
func (r *Report) Only(change string) {
	kept := []Difference{}
	for _, d := range r.Differences {
		if d.Change == change {
			kept = append(kept, d)
		}
	}
	r.Differences = kept
}
