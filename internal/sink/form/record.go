package form

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"doorward/internal/gate"
)

// Record is one record as the forms read it: its line in the log, and what of it
// they show. Texts are as they were recorded, with whatever is in them.
type Record struct {
	Origin string // the log's name; with Seq the record's key
	Line   []byte // as it is in the log, without its newline

	Seq  uint64
	Time time.Time

	known members
}

// members are those of a line that the forms show. What a later format of the log
// adds is in the line alone.
type members struct {
	Seq           uint64           `json:"seq"`
	Time          time.Time        `json:"time"`
	Kind          string           `json:"kind"`
	Event         string           `json:"event"`
	Actor         string           `json:"actor"`
	Detail        string           `json:"detail"`
	Exchange      string           `json:"exchange"`
	Request       string           `json:"request"`
	Trace         string           `json:"trace"`
	Span          string           `json:"span"`
	Parent        string           `json:"parent_span"`
	Era           string           `json:"era"`
	Transport     string           `json:"transport"`
	Profile       string           `json:"profile"`
	Session       string           `json:"session"`
	Remote        string           `json:"remote"`
	Agent         string           `json:"agent"`
	Key           string           `json:"key"` // of the person, where who it was is sealed
	Principal     principal        `json:"principal"`
	Method        string           `json:"method"`
	ID            string           `json:"id"`
	Upstream      string           `json:"upstream"`
	Unavailable   []string         `json:"unavailable"`
	Weaker        []string         `json:"weaker"`
	ItemKind      string           `json:"item_kind"`
	Item          string           `json:"item"`
	Pin           string           `json:"pin"`
	Policy        string           `json:"policy"`
	Role          string           `json:"role"`
	Rule          string           `json:"rule"`
	Observed      []string         `json:"observed"`
	Findings      []string         `json:"findings"`
	Approval      string           `json:"approval"`
	Cached        string           `json:"cached"`
	Effect        string           `json:"effect"`
	Code          string           `json:"code"`
	Stage         string           `json:"stage"`
	Reason        string           `json:"reason"`
	Status        string           `json:"status"`
	Duration      int64            `json:"duration_us"`
	UpstreamTime  int64            `json:"upstream_us"`
	Stages        map[string]int64 `json:"stages_us"`
	BytesIn       int64            `json:"bytes_in"`
	BytesOut      int64            `json:"bytes_out"`
	Notifications int64            `json:"notifications"`
	Asks          int64            `json:"asks"`
}

type principal struct {
	Method     string   `json:"method"`
	Subject    string   `json:"subject"`
	Tenant     string   `json:"tenant"`
	Issuer     string   `json:"issuer"`
	Client     string   `json:"client"`
	Credential string   `json:"credential"`
	Groups     []string `json:"groups"`
	Roles      []string `json:"roles"`
	Scopes     []string `json:"scopes"`
	Act        []actor  `json:"act"`
}

type actor struct {
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	Client  string `json:"client"`
}

// Parse reads a line of the log that origin names. It keeps the line.
func Parse(origin string, line []byte) (Record, error) {
	r := Record{Origin: origin, Line: line}
	if err := json.Unmarshal(line, &r.known); err != nil {
		return Record{}, fmt.Errorf("reading a record: %w", err)
	}
	r.Seq, r.Time = r.known.Seq, r.known.Time
	if r.Seq == 0 || r.Time.IsZero() || r.known.Kind == "" {
		return Record{}, fmt.Errorf("reading a record: it has no seq, time or kind")
	}
	return r, nil
}

// Digest is the SHA-256 of the line, in hex: the prev of the record after it.
func (r *Record) Digest() string {
	sum := sha256.Sum256(r.Line)
	return hex.EncodeToString(sum[:])
}

// Kind is start, intent, outcome or event.
func (r *Record) Kind() string { return r.known.Kind }

// Field is one field of a record: a text in which nothing is hidden
// (gate.Visible), or a number.
type Field struct {
	Name   string
	Text   string // of a number: its digits
	Number int64
	Is     FieldKind
}

// FieldKind says what a field is.
type FieldKind uint8

// The kinds of field.
const (
	Text FieldKind = iota
	Number
	List // its text is a JSON array of texts
)

// time in the forms is RFC 3339 in UTC with six decimals, as RFC 5424 allows.
const moment = "2006-01-02T15:04:05.000000Z"

// Fields are all fields that there are, always in this order. One that a record has
// not is empty.
func (r *Record) Fields() []Field {
	k, p := &r.known, &r.known.Principal
	return []Field{
		text("origin", r.Origin), number("seq", int64(r.Seq)), text("time", r.Time.UTC().Format(moment)), text("kind", k.Kind), //nolint:gosec // the log counts to 2^53
		text("event", k.Event), text("actor", k.Actor), text("detail", k.Detail),
		text("exchange", k.Exchange), text("request", k.Request),
		text("trace", k.Trace), text("span", k.Span), text("parent_span", k.Parent), text("era", k.Era), text("transport", k.Transport),
		text("profile", k.Profile), text("session", k.Session), text("remote", k.Remote), text("agent", k.Agent), text("key", k.Key),
		text("principal.method", p.Method), text("principal.subject", p.Subject), text("principal.tenant", p.Tenant),
		text("principal.issuer", p.Issuer), text("principal.client", p.Client), text("principal.credential", p.Credential),
		list("principal.groups", p.Groups), list("principal.roles", p.Roles), list("principal.scopes", p.Scopes),
		list("principal.act", p.actors()),
		text("method", k.Method), text("id", k.ID), text("upstream", k.Upstream), list("unavailable", k.Unavailable), list("weaker", k.Weaker),
		text("item_kind", k.ItemKind), text("item", k.Item), text("pin", k.Pin),
		text("policy", k.Policy), text("role", k.Role), text("rule", k.Rule), list("observed", k.Observed),
		list("findings", k.Findings), text("approval", k.Approval), text("cached", k.Cached),
		text("effect", k.Effect), text("code", k.Code), text("stage", k.Stage), text("reason", k.Reason), text("status", k.Status),
		number("duration_us", k.Duration), number("upstream_us", k.UpstreamTime), list("stages_us", k.stages()),
		number("bytes_in", k.BytesIn),
		number("bytes_out", k.BytesOut), number("notifications", k.Notifications), number("asks", k.Asks),
		text("digest", r.Digest()),
	}
}

// actors are who acted for the principal, each in one text: the subject, the client
// behind @, the issuer behind a space.
func (p *principal) actors() []string {
	var all []string
	for _, a := range p.Act {
		s := a.Subject
		if a.Client != "" {
			s += "@" + a.Client
		}
		if a.Issuer != "" {
			s += " " + a.Issuer
		}
		all = append(all, s)
	}
	return all
}

// stages are the times of stages in microseconds, each as NAME=TIME.
func (k *members) stages() []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(k.Stages)) {
		all = append(all, fmt.Sprintf("%s=%d", name, k.Stages[name]))
	}
	return all
}

func text(name, s string) Field { return Field{Name: name, Text: gate.Visible(s)} }

func number(name string, n int64) Field {
	f := Field{Name: name, Number: n, Is: Number}
	if n != 0 {
		f.Text = fmt.Sprint(n)
	}
	return f
}

// list is a JSON array of texts; empty where there are none.
func list(name string, all []string) Field {
	f := Field{Name: name, Is: List}
	if len(all) == 0 {
		return f
	}
	shown := make([]string, len(all))
	for i, s := range all {
		shown[i] = gate.Visible(s)
	}
	b, err := json.Marshal(shown)
	if err != nil {
		b = []byte(`["…"]`) // texts that gate.Visible made are UTF-8, which always marshals
	}
	f.Text = string(b)
	return f
}

// level is how grave a record is.
type level uint8

const (
	ordinary level = iota
	refused        // an exchange was
	failed         // something did that should have worked
	incident       // somebody should look at once
)

func (r *Record) level() level {
	switch k := &r.known; {
	case strings.HasPrefix(k.Event, "incident."):
		return incident
	case k.Status == "failed":
		return failed
	case k.Status == "refused":
		return refused
	}
	return ordinary
}

// what is the record in a word or two: an event's kind, or a method.
func (r *Record) what() string {
	if r.known.Method != "" {
		return gate.Visible(r.known.Method)
	}
	if r.known.Event != "" {
		return gate.Visible(r.known.Event)
	}
	return "unknown"
}

// who is the subject, or whose act an event is. Where the log seals who it was, it is
// the key of that person: one name for one person, until the key is destroyed.
func (r *Record) who() string {
	switch k := &r.known; {
	case k.Principal.Subject != "":
		return k.Principal.Subject
	case k.Actor != "":
		return k.Actor
	default:
		return k.Key
	}
}
