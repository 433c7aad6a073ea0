package admin

import (
	"context"
	"encoding/json"
	"time"
)

// CallQuery says which calls Calls answers: those that have every part that is
// set, exactly.
type CallQuery struct {
	Since     time.Time `json:"since,omitzero"` // when the call began; inclusive
	Until     time.Time `json:"until,omitzero"` // exclusive
	Exchange  string    `json:"exchange,omitempty"`
	Principal string    `json:"principal,omitempty"` // subject, or public id of the credential
	Upstream  string    `json:"upstream,omitempty"`
	Limit     int       `json:"limit,omitempty"` // how many at most; 0, and more than 50,000: 50,000
}

// Caller is who made a call, as the record has it.
type Caller struct {
	Method     string   `json:"method,omitempty"` // how it was proved
	Realm      string   `json:"realm,omitempty"`  // who vouched for the subject
	Subject    string   `json:"subject,omitempty"`
	Tenant     string   `json:"tenant,omitempty"`
	Client     string   `json:"client,omitempty"`
	Credential string   `json:"credential,omitempty"`
	Groups     []string `json:"groups,omitempty"`
	Scopes     []string `json:"scopes,omitempty"`
	Roles      []string `json:"roles,omitempty"`
	// Whole says that nothing of it is missing. Otherwise the record is of a format
	// that had no roles, or something was too long for it, and no policy can be
	// held against the call.
	Whole bool `json:"whole"`
}

// Call is a call of the past: what was asked, by whom, and what came of it.
type Call struct {
	Exchange  string    `json:"exchange"`
	Time      time.Time `json:"time"`
	Method    string    `json:"method"`
	Era       string    `json:"era,omitempty"`
	Transport string    `json:"transport,omitempty"`
	Profile   string    `json:"profile,omitempty"`
	Address   string    `json:"address,omitempty"`
	Agent     string    `json:"agent,omitempty"`
	Principal Caller    `json:"principal"`
	Upstream  string    `json:"upstream,omitempty"` // empty: it was refused before one was known
	Kind      string    `json:"kind,omitempty"`     // tool, prompt, resource
	Name      string    `json:"name"`               // as the upstream knows it, where that is known; a URI
	Pin       string    `json:"pin,omitempty"`      // digest of the approved definition
	// Arguments as the client sent them, absent for a call without any.
	Arguments json.RawMessage `json:"arguments,omitempty"`
	// Kept says that name and arguments are all that was asked. Otherwise they were
	// not put on record, or were too long for it.
	Kept     bool     `json:"kept"`
	Status   string   `json:"status,omitempty"` // ok, error, refused, failed; empty: its end is not known
	Code     string   `json:"code,omitempty"`   // of the refusal
	Rule     string   `json:"rule,omitempty"`   // that let it pass
	Policy   string   `json:"policy,omitempty"` // version of the policy that decided
	Observed []string `json:"observed,omitempty"`
}

// CallList is what Calls found, oldest first.
type CallList struct {
	Calls []Call `json:"calls"`
	// Cut says that there are more: a limit was reached. Ask for less time at once.
	Cut bool `json:"cut"`
	// OtherKey counts the calls whose arguments were sealed with an audit.key that
	// is no longer there. They are in Calls, without their arguments.
	OtherKey int `json:"other_key,omitempty"`
}

// Sealed are records of one log, a line each, as the log has them.
type Sealed struct {
	Log   string   `json:"log"` // name of its directory on data_dir
	Lines []string `json:"lines"`
}

// Person asks for the keys of whoever has this subject, in any realm and tenant.
type Person struct {
	Subject string `json:"subject"`
}

// FieldValue is a value of an argument whose hash is asked for.
type FieldValue struct {
	Tenant string          `json:"tenant,omitempty"` // of the principal, as records have it
	Value  json.RawMessage `json:"value"`
}

// FieldHash is the hash that records have of it.
type FieldHash struct {
	Hash string `json:"hash"`
}

// Records opens what the audit log has sealed. That it was asked for is on record
// before anything is opened; actor is who asks.
type Records interface {
	Calls(ctx context.Context, actor string, q CallQuery) (CallList, error)
	// Reveal gives the same lines with subject, address, agent and arguments readable,
	// where their keys are still there.
	Reveal(ctx context.Context, actor string, s Sealed) ([]string, error)
	// KeysOf gives the key that a person's records name, of every log: hexadecimal.
	KeysOf(ctx context.Context, actor string, p Person) ([]string, error)
	// HashField gives the hash that records have of a value, where audit.fields says hashed.
	HashField(ctx context.Context, actor string, v FieldValue) (FieldHash, error)
}

// Calls implements Records.
func (c *Client) Calls(ctx context.Context, _ string, q CallQuery) (CallList, error) {
	return do[CallList](ctx, c.patient(), "/v1/records/calls", q)
}

// Reveal implements Records.
func (c *Client) Reveal(ctx context.Context, _ string, s Sealed) ([]string, error) {
	return do[[]string](ctx, c, "/v1/records/reveal", s)
}

// KeysOf implements Records.
func (c *Client) KeysOf(ctx context.Context, _ string, p Person) ([]string, error) {
	return do[[]string](ctx, c, "/v1/records/keys", p)
}

// HashField implements Records.
func (c *Client) HashField(ctx context.Context, _ string, v FieldValue) (FieldHash, error) {
	return do[FieldHash](ctx, c, "/v1/records/hash", v)
}

func recordRoutes() []Route {
	return []Route{
		{"POST /v1/records/reveal", RecordsOpen, withBody(func(ctx context.Context, op Operator, actor string, s Sealed) (any, error) {
			return op.Reveal(ctx, actor, s)
		})},
		{"POST /v1/records/keys", RecordsOpen, withBody(func(ctx context.Context, op Operator, actor string, p Person) (any, error) {
			return op.KeysOf(ctx, actor, p)
		})},
		{"POST /v1/records/hash", RecordsOpen, withBody(func(ctx context.Context, op Operator, actor string, v FieldValue) (any, error) {
			return op.HashField(ctx, actor, v)
		})},
		{"POST /v1/records/calls", RecordsOpen, withBody(func(ctx context.Context, op Operator, actor string, q CallQuery) (any, error) {
			return op.Calls(ctx, actor, q)
		})},
	}
}
