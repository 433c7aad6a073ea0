package monitor

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"doorward/internal/gate"
)

// Subject is whom or what an alert is about. It is comparable.
type Subject struct {
	Kind  string `json:"kind"`           // one of the Subject constants
	Value string `json:"value,omitzero"` // subject of a principal, address or /64 network, "upstream/tool", tenant, upstream
	Realm string `json:"realm,omitzero"` // of a principal
	// Tenant of a principal, or of many where all are of one.
	Tenant string `json:"tenant,omitzero"`
}

// The kinds of subjects.
const (
	OfPrincipal = "principal"
	OfAddress   = "address"
	OfTool      = "tool"
	OfTenant    = "tenant"
	OfUpstream  = "upstream"
	OfGateway   = "gateway" // the gateway itself
	OfMany      = "many"    // more subjects than there were alerts or memory for
)

// maxExchanges bounds Alert.Exchanges.
const maxExchanges = 10

// Alert is one thing that people should know. It holds names, ids and numbers, and
// nothing of what a call or a result said (LOG-19).
type Alert struct {
	ID      string  `json:"id"` // sorts by time; the same for every try to deliver it
	Rule    string  `json:"rule"`
	Subject Subject `json:"subject"`
	// Count is how many calls, or how many bytes of data_volume and unusual_volume,
	// the alert stands for. The counts of all alerts about a subject add up to
	// everything that was counted from the first until it was over.
	Count    int64     `json:"count"`
	Limit    int64     `json:"limit,omitzero"` // that was reached; 0 for what needs none
	Window   Span      `json:"window"`         // in which Count came together
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Again    bool      `json:"again,omitzero"`    // more of what an alert told already
	Subjects int       `json:"subjects,omitzero"` // how many alerts were made one, for OfMany
	// Exchanges are the ids of the latest that counted, at most ten.
	Exchanges []string `json:"exchanges,omitzero"`
	// What the last that counted was about; each may be empty.
	Credential string `json:"credential,omitzero"` // public id, of a key or a token
	Address    string `json:"address,omitzero"`
	Upstream   string `json:"upstream,omitzero"`
	Tool       string `json:"tool,omitzero"`
	Code       string `json:"code,omitzero"`
	Event      string `json:"event,omitzero"`
}

// RuleTest is the rule of an alert that only tries out who receives them.
const RuleTest = "test"

// Test makes such an alert.
func Test(now time.Time) Alert {
	return Alert{ID: newID(now), Rule: RuleTest, Subject: Subject{Kind: OfGateway}, Count: 1, First: now.UTC(), Last: now.UTC()}
}

// newID makes an id: 48 bits of milliseconds since 1970 in hex, so that ids sort by
// time, and 130 random bits.
func newID(now time.Time) string {
	return fmt.Sprintf("al_%012x%s", now.UnixMilli(), strings.ToLower(rand.Text()))
}

// Text is the alert in one line of visible characters, for people.
func (a *Alert) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", a.Rule, Said(a.Rule))
	if a.Event != "" {
		fmt.Fprintf(&b, " (%s)", gate.Visible(a.Event))
	}
	b.WriteString(", " + a.Subject.Kind)
	if a.Subject.Value != "" {
		b.WriteString(" " + gate.Visible(a.Subject.Value))
	}
	if a.Subject.Tenant != "" {
		fmt.Fprintf(&b, " of tenant %s", gate.Visible(a.Subject.Tenant))
	}
	fmt.Fprintf(&b, ", %d", a.Count)
	if a.Limit > 0 {
		fmt.Fprintf(&b, " (limit %d in %v)", a.Limit, a.Window)
	}
	if a.Again {
		b.WriteString(" more")
	}
	if a.Subjects > 0 {
		fmt.Fprintf(&b, " in %d alerts", a.Subjects)
	}
	for _, part := range [...]struct{ name, value string }{
		{"address", a.Address}, {"credential", a.Credential}, {"upstream", a.Upstream}, {"tool", a.Tool}, {"code", a.Code},
	} {
		if part.value != "" && part.value != a.Subject.Value {
			fmt.Fprintf(&b, ", %s %s", part.name, gate.Visible(part.value))
		}
	}
	return b.String()
}

// Span is a length of time that JSON has as "1m0s".
type Span time.Duration

// String is the span as people write it.
func (s Span) String() string { return time.Duration(s).String() }

// MarshalText is String.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = Span(d)
	return err
}

// maxText bounds a text that an alert keeps, in bytes.
const maxText = 256

func bounded(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}

// clip bounds a text and copies it: what it is cut out of may be large.
func clip(s string) string { return strings.Clone(bounded(s)) }

// bounded is the subject with texts that are not too long.
func (s Subject) bounded() Subject {
	s.Value, s.Realm, s.Tenant = bounded(s.Value), bounded(s.Realm), bounded(s.Tenant)
	return s
}

// own is the subject with texts of its own.
func (s Subject) own() Subject {
	s.Value, s.Realm, s.Tenant = strings.Clone(s.Value), strings.Clone(s.Realm), strings.Clone(s.Tenant)
	return s
}
