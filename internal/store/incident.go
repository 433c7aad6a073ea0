package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What an incident can be about, and what can be suspended. The first is only
// suspended, the last two are only told of.
const (
	OfEverything = "everything"
	OfPrincipal  = "principal" // by realm, subject and tenant; without a tenant in every one
	OfKey        = "key"       // an API key, by its public id
	OfSession    = "session"   // by the hash that the audit log has
	OfAddress    = "address"   // an address or a prefix
	OfUpstream   = "upstream"
	OfTool       = "tool" // the realm is the upstream
	OfTenant     = "tenant"
	OfGateway    = "gateway"
	OfMany       = "many"
)

// The kinds of steps.
const (
	StepOpened    = "opened"
	StepAlert     = "alert" // the rule told more of the same
	StepContained = "contained"
	StepReleased  = "released"
	StepNote      = "note"
	StepNotified  = "notified" // somebody was told: To
	StepClosed    = "closed"
)

// The states of an incident.
const (
	IncidentOpen      = "open"      // nothing is suspended for it
	IncidentContained = "contained" // something is
	IncidentRecovered = "recovered" // everything was released again, or has ended
	IncidentClosed    = "closed"
)

// Bounds of an incident. Two gateways that add to one at the same moment can bring it
// above them, so that slack times as much is read.
const (
	maxContainments  = 64
	maxNotes         = 100 // notes and notifications
	maxAlerts        = 50  // steps; what follows is counted in the last
	maxSteps         = maxNotes + maxAlerts + 2*maxContainments + 2
	maxAbout         = 16
	maxNote          = 2000 // bytes
	maxIncidentTitle = 200
	maxExchanges     = 10
	maxIncidentSize  = 4 << 20
	slack            = 2
)

// IncidentSubject is what an incident is about, or what is suspended. It is comparable.
type IncidentSubject struct {
	Kind   string `json:"kind"`             // one of the Of constants
	Realm  string `json:"realm,omitempty"`  // of a principal; of a tool its upstream
	Tenant string `json:"tenant,omitempty"` // of a principal; empty: the subject in every tenant, as gateways knew it that kept none
	Value  string `json:"value,omitempty"`
	// Erased is a keyed hash in the place of the value, of a principal or an address
	// whose person was erased: see Forget. The realm of such an address is its prefix's
	// length, "/32".
	Erased string `json:"erased,omitempty"`
}

// Containment is one thing that was suspended. It never changes but once: when it is
// released.
type Containment struct {
	ID string `json:"id"`
	IncidentSubject
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until,omitzero"` // zero: until it is released
	By       string    `json:"by"`
	Reason   string    `json:"reason,omitempty"`
	Released time.Time `json:"released,omitzero"`
}

// Step is one thing that happened. It never changes, but that an alert counts what
// follows it.
type Step struct {
	ID          string    `json:"id"`
	At          time.Time `json:"at"`
	Actor       string    `json:"actor"` // "rule:NAME", "uid:1000", "doorward"
	Kind        string    `json:"kind"`  // one of the Step constants
	Text        string    `json:"text,omitempty"`
	To          string    `json:"to,omitempty"`          // of notified: who was told
	Containment string    `json:"containment,omitempty"` // of contained and released: its id
	Alert       string    `json:"alert,omitempty"`       // its id
	Count       int64     `json:"count,omitempty"`       // of an alert
	Exchanges   []string  `json:"exchanges,omitempty"`   // ids in the audit log, at most ten
}

// Incident is something that somebody has to look into. What it says only grows: two
// gateways that know different parts of it know all of it together.
type Incident struct {
	ID           string            `json:"id"` // sorts by time
	Opened       time.Time         `json:"opened"`
	By           string            `json:"by"` // as of Step.Actor
	Rule         string            `json:"rule,omitempty"`
	Severity     string            `json:"severity"` // high, medium, low
	Title        string            `json:"title"`
	About        []IncidentSubject `json:"about,omitempty"`
	Containments []Containment     `json:"containments,omitempty"`
	Steps        []Step            `json:"steps"`
	Closed       time.Time         `json:"closed,omitzero"`
	// Erased counts how often somebody was taken out of it: of two gateways that know it
	// the one with more is right about names.
	Erased int `json:"erased,omitempty"`
}

// NewIncidentID makes an id: 48 bits of milliseconds since 1970 in hex, so that ids
// sort by time, and 50 random bits.
func NewIncidentID(now time.Time) string { return newIncidentID("inc", now) }

func newIncidentID(kind string, now time.Time) string {
	return fmt.Sprintf("%s_%012x%s", kind, now.UnixMilli(), strings.ToLower(rand.Text()[:10]))
}

// isID tells whether s is an id of the kind.
func isID(kind, s string) bool {
	rest, ok := strings.CutPrefix(s, kind+"_")
	return ok && len(rest) == 22 && !strings.ContainsFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'z') })
}

// InForce tells whether it suspends anything.
func (c *Containment) InForce(now time.Time) bool {
	return c.Released.IsZero() && (c.Until.IsZero() || now.Before(c.Until))
}

// State is how it stands.
func (i *Incident) State(now time.Time) string {
	switch {
	case !i.Closed.IsZero():
		return IncidentClosed
	case slices.ContainsFunc(i.Containments, func(c Containment) bool { return c.InForce(now) }):
		return IncidentContained
	case len(i.Containments) > 0:
		return IncidentRecovered
	}
	return IncidentOpen
}

// Is tells whether it is about a subject.
func (i *Incident) Is(about IncidentSubject) bool { return slices.Contains(i.About, about) }

// untouched tells whether a rule opened it and no operator has done anything about it.
func (i *Incident) untouched() bool {
	return i.Rule != "" && !slices.ContainsFunc(i.Steps, func(s Step) bool { return !isRule(s.Actor) })
}

func isRule(actor string) bool { return strings.HasPrefix(actor, "rule:") }

// steps counts those of some kinds.
func (i *Incident) steps(kinds ...string) int {
	n := 0
	for k := range i.Steps {
		if slices.Contains(kinds, i.Steps[k].Kind) {
			n++
		}
	}
	return n
}

// copied is an incident of which the caller may change everything.
func (i *Incident) copied() *Incident {
	out := *i
	out.About, out.Containments, out.Steps = slices.Clone(i.About), slices.Clone(i.Containments), slices.Clone(i.Steps)
	return &out
}

// check says what is wrong with an incident that no gateway would have written.
func (i *Incident) check() error {
	switch {
	case !isID("inc", i.ID) || i.Opened.IsZero() || i.By == "":
		return errors.New("an incident has an id, a time, and one who opened it")
	case !slices.Contains([]string{"high", "medium", "low"}, i.Severity):
		return fmt.Errorf("an incident is high, medium or low, not %.20q", i.Severity)
	case i.Title == "" || !printable(i.Title, maxIncidentTitle):
		return fmt.Errorf("an incident has a title of at most %d bytes", maxIncidentTitle)
	case len(i.About) > maxAbout || len(i.Containments) > slack*maxContainments || len(i.Steps) > slack*maxSteps || len(i.Steps) == 0:
		return fmt.Errorf("an incident is about at most %d things, suspends at most %d and has at most %d steps", maxAbout, maxContainments, maxSteps)
	}
	for k := range i.About {
		if err := i.About[k].check(false); err != nil {
			return err
		}
	}
	for k := range i.Containments {
		if err := i.Containments[k].check(); err != nil {
			return err
		}
	}
	for k := range i.Steps {
		if err := i.Steps[k].check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Containment) check() error {
	switch {
	case !isID("con", c.ID) || c.Since.IsZero() || c.By == "":
		return errors.New("a containment has an id, a time and one who made it")
	case !c.Until.IsZero() && !c.Until.After(c.Since):
		return errors.New("a containment ends after it begins")
	case len(c.By) > maxBy || !printable(c.Reason, maxNote):
		return fmt.Errorf("a containment has a reason of at most %d printable bytes", maxNote)
	}
	return c.IncidentSubject.check(true)
}

func (s *Step) check() error {
	switch {
	case !isID("st", s.ID) || s.At.IsZero() || s.Actor == "" || len(s.Actor) > maxBy:
		return errors.New("a step has an id, a time and an actor")
	case !slices.Contains([]string{StepOpened, StepAlert, StepContained, StepReleased, StepNote, StepNotified, StepClosed}, s.Kind):
		return fmt.Errorf("there is no step %.20q", s.Kind)
	case !printable(s.Text, maxNote) || !printable(s.To, maxNote):
		return fmt.Errorf("a step has texts of at most %d printable bytes", maxNote)
	case len(s.Exchanges) > maxExchanges || len(s.Alert) > maxBy || s.Count < 0:
		return fmt.Errorf("a step names at most %d exchanges", maxExchanges)
	}
	return nil
}

// printable tells whether a text of people has at most so many bytes, and of control
// characters the line's end and the tab alone.
func printable(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

// check says what is wrong with a subject; one that is suspended names something
// that calls have.
func (s *IncidentSubject) check(suspended bool) error {
	if len(s.Realm) > maxRealm || max(len(s.Value), len(s.Tenant)) > maxValue || !utf8.ValidString(s.Realm) || !utf8.ValidString(s.Tenant) || !utf8.ValidString(s.Value) {
		return fmt.Errorf("a subject has a realm of at most %d bytes, and a tenant and a value of %d", maxRealm, maxValue)
	}
	if s.Tenant != "" && s.Kind != OfPrincipal {
		return fmt.Errorf("%.20q is of no tenant", s.Kind)
	}
	if s.Erased != "" {
		return s.checkErased()
	}
	good := false
	switch s.Kind {
	case OfEverything:
		good = suspended && s.Realm == "" && s.Value == ""
	case OfPrincipal, OfTool:
		good = s.Realm != "" && s.Value != ""
	case OfKey, OfUpstream, OfTenant:
		good = s.Realm == "" && s.Value != ""
	case OfSession:
		_, good = parseSession(s.Value)
		good = good && s.Realm == ""
	case OfAddress:
		_, err := ParseContained(s.Value)
		good = s.Realm == "" && err == nil
	case OfGateway, OfMany:
		good = !suspended
	}
	if !good {
		return fmt.Errorf("%.20q names nothing that an incident can be about in this way", s.Kind)
	}
	return nil
}

// ParseContained reads an address, or a prefix in its plainest form.
func ParseContained(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		if addr.Zone() != "" {
			return netip.Prefix{}, errors.New("an address without a zone, please")
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() || p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%.60q is neither an address nor a prefix such as 192.0.2.0/24", text)
	}
	return p, nil
}

// ContainedKinds are the kinds of what can be suspended.
func ContainedKinds() []string {
	return []string{OfEverything, OfPrincipal, OfKey, OfSession, OfAddress, OfUpstream, OfTool, OfTenant}
}
