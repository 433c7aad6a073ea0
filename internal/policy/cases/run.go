package cases

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/condition"
)

// Outcome is what came of one case.
type Outcome struct {
	File     string        `json:"file"`
	Line     int           `json:"line"`
	Name     string        `json:"name"`
	Passed   bool          `json:"passed"`
	Expected string        `json:"expected"`
	Got      string        `json:"got"`
	Role     string        `json:"role,omitempty"`
	Rule     string        `json:"rule,omitempty"`
	Reason   string        `json:"reason"`
	Observed []string      `json:"observed,omitempty"`
	Differs  []string      `json:"differs,omitempty"` // what is not as the case says, a sentence each
	Took     time.Duration `json:"took_ns"`
}

// Run asks the policy of a source every case of a suite. issuer is the realm of
// principals with a token that name none. The error is that of the source, or names
// every principal that cannot be.
func (s *Suite) Run(src policy.Source, issuer string) ([]Outcome, error) {
	made, wrong := policy.Compile(src)
	if len(wrong) > 0 {
		return nil, fmt.Errorf("%s: %s", wrong[0].Path, wrong[0].Text)
	}
	who := map[string]*gate.Principal{}
	var faults Faults
	for name, p := range s.Principals {
		one, err := p.Made(&src, made, issuer)
		if err != nil {
			faults = append(faults, Fault{Path: "principals." + name, Text: err.Error()})
		}
		who[name] = one
	}
	if err := faults.orNil(); err != nil {
		return nil, err
	}
	out := make([]Outcome, len(s.Cases))
	for i := range s.Cases {
		c := &s.Cases[i]
		out[i] = c.run(made, who[c.Who])
		out[i].File = s.Name
	}
	return out, nil
}

func (c *Case) run(p *policy.Policy, who *gate.Principal) Outcome {
	start := time.Now()
	out := Outcome{Line: c.Line, Name: c.Name, Expected: c.Expect}
	if c.List && (c.Item == "*" || c.Item == "**") {
		out.Got, out.Reason = Hidden, policy.ReasonNoRule
		if p.Names(who, c.Upstream) {
			out.Got, out.Reason = Visible, "a rule could open something of the upstream"
		}
	} else {
		d := p.Judge(c.question(who))
		out.Got = c.answer(&d)
		out.Role, out.Rule, out.Observed = d.Role, d.Rule, d.Observed
		out.Reason = Reason(&d)
	}
	c.compare(&out)
	out.Took = time.Since(start)
	return out
}

func (c *Case) question(who *gate.Principal) *policy.Question {
	q := &policy.Question{
		Who: who, Kind: c.Kind, Upstream: c.Upstream, Name: c.Item, Called: !c.List, Args: c.Args,
		Labels: c.Labels, Now: c.At, Request: Requested(c.Request),
	}
	if q.Now.IsZero() {
		q.Now = time.Now()
	}
	return q
}

// Requested fills in what a request over HTTP has, where nothing else was said.
func Requested(r condition.Request) condition.Request {
	r.Transport = cmp.Or(r.Transport, "http")
	r.Era = cmp.Or(r.Era, gate.Stateful.String())
	return r
}

func (c *Case) answer(d *policy.Decision) string {
	switch {
	case c.List && d.Allowed:
		return Visible
	case c.List:
		return Hidden
	}
	return Answer(d)
}

// Answer is a decision about a call in one word: Allow, Deny or Approve.
func Answer(d *policy.Decision) string {
	switch {
	case !d.Allowed:
		return Deny
	case d.Terms != nil:
		return Approve
	}
	return Allow
}

// Reason is all that a decision says of why, in one line.
func Reason(d *policy.Decision) string {
	parts := slices.DeleteFunc([]string{d.Reason, d.Public, d.Detail}, func(s string) bool { return s == "" })
	return strings.Join(parts, ": ")
}

func (c *Case) compare(out *Outcome) {
	differ := func(format string, args ...any) { out.Differs = append(out.Differs, fmt.Sprintf(format, args...)) }
	if out.Got != c.Expect {
		differ("expected %s, got %s", c.Expect, out.Got)
	}
	if c.Rule != "" && !within(out.Rule, c.Rule) {
		differ("expected the rule %s to decide, it was %s", c.Rule, cmp.Or(out.Rule, "none"))
	}
	if c.Reason != "" && !strings.Contains(out.Reason, c.Reason) {
		differ("expected a reason with %q", c.Reason)
	}
	out.Passed = len(out.Differs) == 0
}

// within tells whether a rule is the one that a path names, or below it:
// "roles.read" is no part of "roles.reader.allow[0]".
func within(rule, path string) bool {
	rest, ok := strings.CutPrefix(rule, path)
	return ok && (rest == "" || strings.ContainsRune(".[:", rune(rest[0])))
}

func pathOf(i int) string { return fmt.Sprintf("cases[%d]", i) }
