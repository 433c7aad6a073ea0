package learning

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/recorded"
)

// Report is what learning found beside the roles.
type Report struct {
	Calls      int       `json:"calls"`
	Used       int       `json:"used"`           // that the learned roles come of
	Refused    int       `json:"refused"`        // then: nothing is learned from them
	NowRefused int       `json:"now_refused"`    // by the present policy, which did not hold then
	Observed   int       `json:"observed"`       // that a rule in mode observe would have refused
	Unjudged   int       `json:"unjudged"`       // who made them, or what they named, is not on record
	Unkept     []Count   `json:"unkept"`         // whose arguments were not kept
	Left       []Count   `json:"left_out"`       // that no narrow rule can open, such as those on the path /
	First      time.Time `json:"first,omitzero"` // of all calls
	Last       time.Time `json:"last,omitzero"`  // of all calls
	Unused     []string  `json:"unused"`         // patterns of present allows that no call used
	Wide       []Wide    `json:"wide"`           // present globs that open more than was used
	Offers     []Offer   `json:"untyped"`        // parameters that could have a type
	left       map[*recorded.Call]bool
}

// Count is how many calls concern one thing.
type Count struct {
	What  string `json:"what"`
	Calls int    `json:"calls"`
}

// Wide is a glob of the present policy that opens more approved tools than were
// used.
type Wide struct {
	Rule  string `json:"rule"`
	Opens int    `json:"opens"` // approved tools
	Used  int    `json:"used"`  // of those
}

// Offer is a parameter without a type whose values all look like one.
type Offer struct {
	Upstream  string `json:"upstream"`
	Parameter string `json:"parameter"`
	Type      string `json:"type"`
	Values    int    `json:"values"`
}

// whole is the report with empty lists for those that there are none of.
func (r *Report) whole() Report {
	out := *r
	out.Unkept, out.Left = append([]Count{}, r.Unkept...), append([]Count{}, r.Left...)
	out.Unused, out.Wide, out.Offers = []string{}, []Wide{}, append([]Offer{}, r.Offers...)
	return out
}

func (r *Report) span(t time.Time) {
	if r.First.IsZero() || t.Before(r.First) {
		r.First = t
	}
	if t.After(r.Last) {
		r.Last = t
	}
}

func (r *Report) unkept(what string) { r.Unkept = counted(r.Unkept, what) }

// leave notes a call that was not learned from, once.
func (r *Report) leave(c *recorded.Call) {
	if r.left == nil {
		r.left = map[*recorded.Call]bool{}
	}
	r.left[c] = true
	r.Left = counted(r.Left, c.Path())
}

func (r *Report) isLeft(c *recorded.Call) bool { return r.left[c] }

func counted(list []Count, what string) []Count {
	for i := range list {
		if list[i].What == what {
			list[i].Calls++
			return list
		}
	}
	list = append(list, Count{what, 1})
	slices.SortFunc(list, func(a, b Count) int { return strings.Compare(a.What, b.What) })
	return list
}

// usage is which patterns of the present policy calls used.
type usage struct {
	options Options
	used    map[string]map[string]bool // what was called, by the pattern's place and text
}

func newUsage(o Options) *usage { return &usage{options: o, used: map[string]map[string]bool{}} }

// note takes the rules that one call tried.
func (u *usage) note(t *policy.Trace, what string) {
	for i := range t.Tried {
		one := &t.Tried[i]
		if one.Deny || one.Arguments != "" || one.Condition != "" && one.Condition != "holds" {
			continue
		}
		if u.used[one.Rule] == nil {
			u.used[one.Rule] = map[string]bool{}
		}
		u.used[one.Rule][what] = true
	}
}

// report fills the part of the report that is about the present policy.
func (u *usage) report(r *Report) {
	for _, name := range sortedKeys(u.options.Present.Roles) {
		for i, rule := range u.options.Present.Roles[name].Allow {
			for field, patterns := range map[string][]string{"tools": rule.Tools, "prompts": rule.Prompts, "resources": rule.Resources} {
				for j, p := range patterns {
					full := fmt.Sprintf("roles.%s.allow[%d].%s[%d]: %s", name, i, field, j, p)
					if u.used[full] == nil {
						r.Unused = append(r.Unused, full)
					} else if field == "tools" && strings.ContainsAny(p, meta) {
						u.wide(r, full, p)
					}
				}
			}
		}
	}
	slices.Sort(r.Unused)
	slices.SortFunc(r.Wide, func(a, b Wide) int { return strings.Compare(a.Rule, b.Rule) })
}

// wide counts what a used glob opens.
func (u *usage) wide(r *Report, full, pattern string) {
	p, faults := policy.Compile(policy.Source{Roles: map[string]policy.Role{"r": {Allow: []policy.Rule{{Tools: []string{pattern}}}}}})
	if len(faults) > 0 {
		return
	}
	who := &gate.Principal{Roles: []string{"r"}}
	w := Wide{Rule: full}
	for _, pin := range u.options.Pins {
		if pin.Kind != gate.Tool || !p.Decide(who, gate.Tool, pin.Upstream, pin.Name).Allowed {
			continue
		}
		w.Opens++
		if u.used[full][pin.Upstream+"/"+pin.Name] {
			w.Used++
		}
	}
	if w.Opens > w.Used {
		r.Wide = append(r.Wide, w)
	}
}
