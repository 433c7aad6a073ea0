package checklist

import (
	"fmt"

	"doorward/internal/config"
)

// Status is how an item stands. The zero value fails.
type Status uint8

// The statuses, worst first.
const (
	Fail          Status = iota // not so in production
	Warn                        // it may be meant so, and somebody should say that it is
	Pass                        // as it should be
	NotApplicable               // the item is about something that this gateway does not use
)

// String is the status's word in every format.
func (s Status) String() string {
	switch s {
	case Warn:
		return "warn"
	case Pass:
		return "pass"
	case NotApplicable:
		return "not applicable"
	case Fail:
	}
	return "fail"
}

// MarshalText is String.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Evidence is one thing that was seen.
type Evidence struct {
	Status Status `json:"status"`
	Text   string `json:"text"`
	Path   string `json:"path,omitempty"` // in the configuration, as faults name it; empty: it is not about the file
	Line   int    `json:"line,omitempty"` // of the path, or of what is nearest above it; 0: the file says nothing of it
}

// Item is one line of the list.
type Item struct {
	ID        string     `json:"id"` // stable: it never changes its meaning
	Title     string     `json:"title"`
	Status    Status     `json:"status"` // the worst of the evidence
	Evidence  []Evidence `json:"evidence"`
	Fix       string     `json:"fix,omitempty"` // empty where there is nothing to do
	Reference string     `json:"reference"`     // a page of the documentation
}

// Declared is what an operator says of an upstream, empty where he says nothing.
type Declared struct {
	Upstream string `json:"upstream"`
	Purpose  string `json:"purpose"`
	AIAct    string `json:"ai_act"`
	Licence  string `json:"licence"`
}

// Report is the whole list.
type Report struct {
	Items    []Item     `json:"items"`
	Declares []Declared `json:"declares"` // by name of the upstream
}

// Count is how many items have the status.
func (r *Report) Count(s Status) int {
	n := 0
	for i := range r.Items {
		if r.Items[i].Status == s {
			n++
		}
	}
	return n
}

// Entry is an item of the list before anything was looked at.
type Entry struct{ ID, Title, Fix, Reference string }

// Entries is everything that Run looks at, in its order.
func Entries() []Entry {
	var all []Entry
	for _, c := range checks() {
		all = append(all, c.Entry)
	}
	return all
}

// Run judges a configuration that passed config.Validate, and what was gathered
// beside it. Without a configuration everything fails.
func Run(cfg *config.Config, st State) Report {
	s := subject{cfg: cfg, state: st}
	r := Report{Items: []Item{}, Declares: []Declared{}}
	for _, c := range checks() {
		a := answer{line: st.Line}
		if cfg == nil {
			a.fail("", "there is no configuration")
		} else {
			c.judge(&s, &a)
		}
		r.Items = append(r.Items, a.item(c.Entry))
	}
	if cfg != nil {
		r.Declares = s.declared()
	}
	return r
}

// check is one item and who judges it.
type check struct {
	Entry
	judge func(*subject, *answer)
}

func checks() []check {
	var all []check
	for _, area := range [...][]check{
		transportChecks(), identityChecks(), keyChecks(), trustChecks(), upstreamChecks(), policyChecks(),
		declareChecks(), secretChecks(), recordChecks(), alertChecks(), containChecks(), placeChecks(),
	} {
		all = append(all, area...)
	}
	return all
}

// subject is what is judged.
type subject struct {
	cfg   *config.Config
	state State
}

// maxSeen bounds the evidence of one item: more than a person reads.
const maxSeen = 25

// answer is an item in the making. A judge that says nothing has not judged.
type answer struct {
	line  func(path string) int
	seen  []Evidence
	worst Status
	said  int
	fix   string // in place of the entry's own, unless empty
}

func (a *answer) fail(path, format string, args ...any) { a.say(Fail, path, format, args...) }

// warn is for what may be meant so.
func (a *answer) warn(path, format string, args ...any) { a.say(Warn, path, format, args...) }

// pass is for what is in order.
func (a *answer) pass(path, format string, args ...any) { a.say(Pass, path, format, args...) }

// none is for what this gateway does not use.
func (a *answer) none(path, format string, args ...any) { a.say(NotApplicable, path, format, args...) }

// otherwise passes unless something was amiss.
func (a *answer) otherwise(path, format string, args ...any) {
	if a.said == 0 {
		a.pass(path, format, args...)
	}
}

func (a *answer) say(s Status, path, format string, args ...any) {
	if a.said == 0 || s < a.worst {
		a.worst = s
	}
	a.said++
	if len(a.seen) == maxSeen {
		return
	}
	e := Evidence{Status: s, Path: path, Text: fmt.Sprintf(format, args...)}
	if path != "" && a.line != nil {
		e.Line = a.line(path)
	}
	a.seen = append(a.seen, e)
}

func (a *answer) item(e Entry) Item {
	if a.said == 0 {
		a.fail("", "nothing was judged")
	}
	if more := a.said - len(a.seen); more > 0 {
		a.seen = append(a.seen, Evidence{Status: a.worst, Text: fmt.Sprintf("and %d more", more)})
	}
	item := Item{ID: e.ID, Title: e.Title, Status: a.worst, Evidence: a.seen, Reference: e.Reference}
	if a.worst == Fail || a.worst == Warn {
		item.Fix = e.Fix
		if a.fix != "" && a.said == 1 {
			item.Fix = a.fix
		}
	}
	return item
}
