package app

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

// outRecord is a record as the person it is about gets it. export.schema.json says the
// same.
type outRecord struct {
	Log      string    `json:"log"`
	Seq      uint64    `json:"seq"`
	Time     time.Time `json:"time"`
	Kind     string    `json:"kind"`
	Event    string    `json:"event,omitempty"`
	By       string    `json:"by,omitempty"` // of an event: doorward, or an operator, who is not named
	Detail   string    `json:"detail,omitempty"`
	Exchange string    `json:"exchange,omitempty"`
	Subject  string    `json:"subject,omitempty"`
	Tenant   string    `json:"tenant,omitempty"`
	Issuer   string    `json:"issuer,omitempty"`
	Method   string    `json:"proved_by,omitempty"`
	Client   string    `json:"client,omitempty"`
	// Credential is the public id of what proved it.
	Credential string          `json:"credential,omitempty"`
	Groups     []string        `json:"groups,omitempty"`
	Roles      []string        `json:"roles,omitempty"`
	Scopes     []string        `json:"scopes,omitempty"`
	Address    string          `json:"address,omitempty"`
	Agent      string          `json:"agent,omitempty"`
	Transport  string          `json:"transport,omitempty"`
	Asked      string          `json:"method,omitempty"`
	Upstream   string          `json:"upstream,omitempty"`
	ItemKind   string          `json:"item_kind,omitempty"`
	Item       string          `json:"item,omitempty"`
	Arguments  json.RawMessage `json:"arguments,omitempty"`
	Binary     []byte          `json:"arguments_base64,omitempty"` // that are no JSON
	Withheld   string          `json:"arguments_withheld,omitempty"`
	Findings   []string        `json:"findings,omitempty"`
	Approval   string          `json:"approval,omitempty"`
	Status     string          `json:"status,omitempty"`
	Code       string          `json:"code,omitempty"`
	Reason     string          `json:"reason,omitempty"`
	BytesIn    int64           `json:"bytes_in,omitempty"`
	BytesOut   int64           `json:"bytes_out,omitempty"`
	// Rectified is what was said to be right in its place.
	Rectified []righted `json:"rectified,omitempty"`
}

// operatorsOwn are the events whose detail an operator wrote or that tell of others: a
// person gets what happened and when, and not that.
func operatorsOwn(event string) bool {
	return strings.HasPrefix(event, "key.") || strings.HasPrefix(event, "audit.") || strings.HasPrefix(event, "privacy.")
}

// outOf is what a person gets of a record that was revealed.
func outOf(one sealedLog, r *audit.Record) outRecord {
	p := &r.Principal
	out := outRecord{
		Log: filepath.Base(one.dir), Seq: r.Seq, Time: r.Time, Kind: r.Kind, Event: r.Event, By: by(r.Actor), Exchange: r.Exchange,
		Subject: p.Subject, Tenant: p.Tenant, Issuer: p.Issuer, Method: p.Method, Client: p.Client, Credential: p.Credential,
		Groups: r.Groups, Roles: r.Roles, Scopes: r.Scopes, Agent: r.Agent, Transport: r.Transport,
		Asked: r.Method, Upstream: r.Upstream, ItemKind: r.ItemKind, Item: r.Item, Findings: r.Findings, Approval: r.Approval,
		Status: r.Status, Code: r.Code, Reason: r.Reason, BytesIn: r.BytesIn, BytesOut: r.BytesOut,
	}
	if r.Remote.IsValid() {
		out.Address = r.Remote.String()
	}
	if !operatorsOwn(r.Event) {
		out.Detail = r.Detail
	}
	if r.Event != rectified {
		out.argued(one.ring, r)
	}
	return out
}

// argued adds the arguments as they were sent, or why they are not there.
func (out *outRecord) argued(ring *audit.Keyring, r *audit.Record) {
	if len(r.Sealed) == 0 && r.Plain == nil {
		return // kept as a digest, or not at all: README.md says so
	}
	arguments, err := ring.Arguments(r)
	switch {
	case err != nil:
		out.Withheld = err.Error()
	case len(arguments) == 0:
	case utf8.Valid(arguments) && json.Valid(arguments):
		out.Arguments = arguments
	default:
		out.Binary = arguments
	}
}

// by says who did something, without naming anybody.
func by(actor string) string {
	switch actor {
	case "", "doorward":
		return actor
	}
	return "operator"
}

// outApproval is an approval that a person has a part in, without anybody else in it.
type outApproval struct {
	ID        string          `json:"id"`
	Part      string          `json:"part"` // asked, or decided
	State     string          `json:"state,omitempty"`
	Created   time.Time       `json:"created"`
	Expires   time.Time       `json:"expires,omitzero"`
	Used      time.Time       `json:"used,omitzero"`
	Exchange  string          `json:"exchange,omitempty"`
	Upstream  string          `json:"upstream,omitempty"`
	Item      string          `json:"item,omitempty"`
	Rule      string          `json:"rule,omitempty"`
	Arguments json.RawMessage `json:"arguments,omitempty"` // of what they asked for themselves
	Decisions []outDecision   `json:"decisions"`
}

type outDecision struct {
	Granted bool      `json:"granted"`
	By      string    `json:"by"` // you, or another person
	At      time.Time `json:"at"`
}

// approvalOf is what a person gets of an approval; ok is false where they have no part
// in it.
func (s *somebody) approvalOf(a *gate.Approval, now time.Time) (out outApproval, ok bool) {
	asked := s.is(a.Realm, a.Subject, a.Requester)
	out = outApproval{
		ID: a.ID, Part: "decided", State: a.State(now).String(), Created: a.Created, Expires: a.Expires, Used: a.Used,
		Upstream: a.Upstream, Item: a.Name, Decisions: []outDecision{},
	}
	if asked {
		out.Part, out.Exchange, out.Rule = "asked", a.Exchange, a.Rule
		if json.Valid(a.Arguments) {
			out.Arguments = a.Arguments
		}
	}
	decided := func(c gate.Consent, granted bool) {
		switch {
		case s.is(c.Realm, c.Subject, c.Approver):
			ok = true
			out.Decisions = append(out.Decisions, outDecision{granted, "you", c.At})
		case asked:
			out.Decisions = append(out.Decisions, outDecision{granted, "another person", c.At})
		}
	}
	for _, g := range a.Grants {
		decided(g, true)
	}
	if a.Denial != nil {
		decided(*a.Denial, false)
	}
	return out, ok || asked
}
