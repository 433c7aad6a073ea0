package admin

import (
	"context"
	"io"
	"time"
)

// Whom says which person is meant: everybody of the subject of whom every part that is
// set is true, or the keys' owners.
type Whom struct {
	Subject string `json:"subject,omitempty"`
	// Keys are those that records name, as KeysOf gives them; empty: all of the subject.
	Keys   []string `json:"keys,omitempty"`
	Tenant *string  `json:"tenant,omitempty"` // nil: whichever; empty: of none
	// Issuer is the URL of who vouched for them, or api_key, mtls, anonymous, local;
	// empty: whoever did.
	Issuer string `json:"issuer,omitempty"`
}

// Someone is one person: a subject of one issuer and tenant.
type Someone struct {
	Issuer  string   `json:"issuer,omitempty"` // or api_key, mtls, anonymous, local; empty: no record says it
	Tenant  string   `json:"tenant,omitempty"`
	Subject string   `json:"subject,omitempty"` // empty unless it was asked for by name
	Keys    []string `json:"keys"`              // that their records name
}

// Erasure asks that the data of a person be made unreadable.
type Erasure struct {
	Whom
	Basis string `json:"basis"` // why, for the tombstone: the article of the law, the number of the request
	// Revoke ends the API keys of that name too, so that they can lose it.
	Revoke bool `json:"revoke,omitempty"`
}

// Erased is what came of an Erasure.
type Erased struct {
	Keys        int       `json:"keys"` // of persons, that were destroyed
	Persons     []Someone `json:"persons"`
	Approvals   int       `json:"approvals"`   // that they asked for or decided about
	Revocations int       `json:"revocations"` // that have a keyed hash in the name's place now
	Labels      int       `json:"labels"`      // of conversations, that say no more what was read
	Profiles    int       `json:"profiles"`    // of what they use to do
	Alerts      int       `json:"alerts"`      // that wait for a receiver, without a name now
	Incidents   int       `json:"incidents"`   // that they were in, with a keyed hash in the name's place now
	APIKeys     int       `json:"api_keys"`    // that are good no more, and have lost the name
	// Refused are those that a legal hold keeps (Art. 17(3) GDPR). They can be destroyed
	// when it is released.
	Refused []Refusal `json:"refused,omitempty"`
	// Elsewhere are places that may still name the person, and what to do there.
	Elsewhere []string `json:"elsewhere"`
}

// Rectification says what is right of a person, beside a record that cannot be changed.
type Rectification struct {
	Whom
	Exchange string `json:"exchange,omitempty"` // that has it wrong; empty: all of them
	Field    string `json:"field"`              // what is wrong: address, agent, subject, or a word of the operator's
	Value    string `json:"value"`              // what is right
	Reason   string `json:"reason"`
}

// Rectified is what came of a Rectification.
type Rectified struct {
	Person Someone `json:"person"`
}

// Touch asks whose data a credential, a session, a principal or an address could have
// touched. One of the four is set.
type Touch struct {
	Credential string    `json:"credential,omitempty"` // public id of a key, a token's jti, a certificate's SHA-256
	Session    string    `json:"session,omitempty"`    // its id, or the 32 hexadecimal digits that records have
	Principal  string    `json:"principal,omitempty"`  // subject
	Address    string    `json:"address,omitempty"`    // IP address or network
	Since      time.Time `json:"since,omitzero"`       // inclusive
	Until      time.Time `json:"until,omitzero"`       // exclusive
	Aware      time.Time `json:"aware,omitzero"`       // when the operator became aware of it; zero: now
	Open       bool      `json:"open,omitempty"`       // name the people
}

// Privacy is what people may ask for about themselves, and authorities about them.
// Everything but Register is on record before it is done.
type Privacy interface {
	Erase(ctx context.Context, actor string, e Erasure) (Erased, error)
	Rectify(ctx context.Context, actor string, r Rectification) (Rectified, error)
	Breach(ctx context.Context, actor string, t Touch) (Breach, error)
	Register(ctx context.Context) (Register, error)
	// Export writes all that is kept about one person, a zip file. What was written is
	// worth nothing after an error.
	Export(ctx context.Context, actor string, w Whom, to io.Writer) error
}

// Erase implements Privacy.
func (c *Client) Erase(ctx context.Context, _ string, e Erasure) (Erased, error) {
	return do[Erased](ctx, c.patient(), "/v1/privacy/erase", e)
}

// Rectify implements Privacy.
func (c *Client) Rectify(ctx context.Context, _ string, r Rectification) (Rectified, error) {
	return do[Rectified](ctx, c.patient(), "/v1/privacy/rectify", r)
}

// Breach implements Privacy.
func (c *Client) Breach(ctx context.Context, _ string, t Touch) (Breach, error) {
	return do[Breach](ctx, c.patient(), "/v1/privacy/breach", t)
}

// Register implements Privacy.
func (c *Client) Register(ctx context.Context) (Register, error) {
	return do[Register](ctx, c, "/v1/privacy/register", nil)
}
