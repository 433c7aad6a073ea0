package store

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"doorward/internal/gate"
)

// What the key of the seals of approvals is derived for, and what a seal adds: the
// nonce and the tag of AES-GCM.
const (
	approvalSealing = "doorward approvals v1"
	sealOverhead    = 12 + 16
)

const approvalVersion = 1

// approvalRecord is the text under an approval's seal. The arguments have a seal
// of their own, as they never change.
type approvalRecord struct {
	Version   int             `json:"version"`
	ID        string          `json:"id"`
	Binding   digest          `json:"binding"`
	Requester string          `json:"requester"`
	Realm     string          `json:"realm,omitempty"`
	Subject   string          `json:"subject,omitempty"`
	Tenant    string          `json:"tenant,omitempty"`
	Exchange  string          `json:"exchange,omitempty"`
	Method    string          `json:"method,omitempty"`
	Upstream  string          `json:"upstream,omitempty"`
	Name      string          `json:"name,omitempty"`
	Pin       digest          `json:"pin"`
	Policy    string          `json:"policy,omitempty"`
	Rule      string          `json:"rule,omitempty"`
	Why       string          `json:"why,omitempty"`
	Arguments int             `json:"arguments"` // their size in bytes
	Roles     []string        `json:"roles,omitempty"`
	Count     int             `json:"count"`
	Self      bool            `json:"self,omitzero"`
	Created   time.Time       `json:"created"`
	Expires   time.Time       `json:"expires"`
	Grants    []consentRecord `json:"grants,omitempty"`
	Denial    *consentRecord  `json:"denial,omitempty"`
	Used      time.Time       `json:"used,omitzero"`
	Lapsed    time.Time       `json:"lapsed,omitzero"`
	Run       string          `json:"run,omitempty"`
}

type consentRecord struct {
	Approver string    `json:"approver"`
	Realm    string    `json:"realm,omitempty"`
	Subject  string    `json:"subject,omitempty"`
	At       time.Time `json:"at"`
}

// record is the text of k.
func (k *keptApproval) record() ([]byte, error) {
	r := approvalRecord{
		Version: approvalVersion, ID: k.ID, Binding: k.Binding, Requester: k.Requester, Realm: k.Realm,
		Subject: k.Subject, Tenant: k.Tenant, Exchange: k.Exchange, Method: k.Method, Upstream: k.Upstream,
		Name: k.Name, Pin: digest(k.Pin), Policy: k.Policy, Rule: k.Rule, Why: k.Why, Arguments: k.size, Roles: k.Roles,
		Count: k.Count, Self: k.Self, Created: k.Created, Expires: k.Expires, Used: k.Used, Lapsed: k.lapsed, Run: k.run,
	}
	for _, c := range k.Grants {
		r.Grants = append(r.Grants, consentRecord(c))
	}
	r.Denial = (*consentRecord)(k.Denial)
	return json.Marshal(r)
}

// parseApproval reads the text of the approval with this id. A seal vouches for
// it; what no gateway would have written is refused all the same.
func parseApproval(id string, text []byte) (*keptApproval, error) {
	var r approvalRecord
	if err := json.Unmarshal(text, &r, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if r.Version != approvalVersion {
		return nil, fmt.Errorf("version %d, this program knows version %d", r.Version, approvalVersion)
	}
	k := &keptApproval{size: r.Arguments, run: r.Run, lapsed: r.Lapsed, Approval: gate.Approval{
		ID: r.ID, Binding: r.Binding, Requester: r.Requester, Realm: r.Realm, Subject: r.Subject, Tenant: r.Tenant,
		Exchange: r.Exchange, Method: r.Method, Upstream: r.Upstream, Name: r.Name, Pin: gate.Digest(r.Pin),
		Policy: r.Policy, Rule: r.Rule, Why: r.Why, Roles: r.Roles, Count: r.Count, Self: r.Self,
		Created: r.Created, Expires: r.Expires, Denial: (*gate.Consent)(r.Denial), Used: r.Used,
	}}
	for _, c := range r.Grants {
		k.Grants = append(k.Grants, gate.Consent(c))
	}
	if k.ID != id || !isApprovalID(id) {
		return nil, errors.New("it is the record of another")
	}
	return k, k.check()
}

func (k *keptApproval) check() error {
	if err := checkTerms(&k.Approval); err != nil {
		return err
	}
	switch {
	case k.Created.IsZero():
		return errors.New("an approval has a time")
	case k.size < 0 || k.size > maxArguments:
		return fmt.Errorf("an approval has arguments of at most %d bytes", maxArguments)
	case len(k.Grants) > k.Count:
		return errors.New("it has more grants than it takes")
	case !k.Used.IsZero() && (len(k.Grants) < k.Count || k.Denial != nil):
		return errors.New("it was used and not granted")
	case !k.lapsed.IsZero() && (!k.Used.IsZero() || k.Denial != nil):
		return errors.New("it has ended twice")
	case k.Denial != nil && (k.Denial.Approver == "" || k.Denial.At.IsZero()):
		return errors.New("nobody has denied it")
	}
	met := make(map[string]bool, len(k.Grants))
	for _, c := range k.Grants {
		if c.Approver == "" || c.At.IsZero() || met[c.Approver] || k.Self != (c.Approver == k.Requester) {
			return errors.New("it was granted by nobody, twice by one, or by one who may not")
		}
		met[c.Approver] = true
	}
	return nil
}

// approvalSeals seals approvals with AES-256-GCM, with the id as additional data:
// without the key nobody can make or alter one, or pass one off as another. What
// was sealed before stays good: who can write the home can put back an older state.
type approvalSeals struct{ cipher.AEAD }

// newApprovalSeals derives the key from a secret of 32 random bytes that every
// gateway with the same home has.
func newApprovalSeals(secret []byte, use string) (approvalSeals, error) {
	if len(secret) != secretSize || bytes.Count(secret, secret[:1]) >= secretSize/2 {
		return approvalSeals{}, fmt.Errorf("the key of approvals is not %d random bytes", secretSize)
	}
	sealer, err := newSealer(secret, use)
	return approvalSeals{sealer}, err
}

// The two things under seal differ in their additional data.
func recordOf(id string) []byte    { return []byte("record " + id) }
func argumentsOf(id string) []byte { return []byte("arguments " + id) }

func (s approvalSeals) seal(text, of []byte) string {
	return string(s.Seal(nil, nil, text, of)) //nolint:gosec // G407: the cipher makes a random nonce itself
}

// open reads a sealed record.
func (s approvalSeals) open(id, sealed string) (*keptApproval, error) {
	if len(sealed) > maxRecord+sealOverhead {
		return nil, fmt.Errorf("approval %.64q is larger than %d bytes", id, maxRecord)
	}
	text, err := s.Open(nil, nil, []byte(sealed), recordOf(id))
	if err != nil {
		return nil, fmt.Errorf("approval %.64q does not open: it was altered, or sealed with another key", id)
	}
	k, err := parseApproval(id, text)
	if err != nil {
		return nil, fmt.Errorf("approval %.64q: %w", id, err)
	}
	return k, nil
}

// openArguments reads the sealed arguments of k. One without has none.
func (s approvalSeals) openArguments(k *keptApproval, sealed string) ([]byte, error) {
	text, err := s.Open(nil, nil, []byte(sealed), argumentsOf(k.ID))
	if err != nil || len(text) != k.size {
		return nil, fmt.Errorf("the arguments of approval %.64q do not open: they were altered, or sealed with another key", k.ID)
	}
	return text, nil
}
