package gate

import "time"

// Approval is a call that waits for people, or that they have decided about.
// The approve stage makes it, store keeps it, and the admin API shows it whole.
type Approval struct {
	ID      string   // random; it names the approval to people and is no credential
	Binding [32]byte // SHA-256 of all that it is for: who, where, what, by which policy, with which arguments

	Requester string // Principal.Key of the caller, who never approves
	Realm     string // of the caller, for people
	Subject   string
	Tenant    string

	Exchange  string // id of the exchange that first asked
	Method    string // tools/call, prompts/get or resources/read
	Upstream  string
	Name      string // of the tool, prompt or resource
	Pin       Digest // of its approved definition
	Policy    string // version of the policy that held it
	Rule      string // that held it
	Why       string // what people should know of how it came to be; not part of Binding
	Arguments []byte // exactly as the client sent them; nil for none

	Roles []string // whose holders may approve; empty with Self
	Count int      // how many distinct approvers it takes, from 1
	Self  bool     // the caller's own confirmation is what the rule asks for

	Created, Expires time.Time
	Grants           []Consent // distinct approvers, in order
	Denial           *Consent  // one denial ends it
	Used             time.Time // zero: not yet; an approval is used once
}

// Consent is one person's decision about an approval.
type Consent struct {
	Approver string // Principal.Key
	Realm    string // of the approver, for people
	Subject  string
	At       time.Time
}

// ApprovalState is how an approval stands. The zero value lets nothing pass.
type ApprovalState uint8

// The states of an approval.
const (
	ApprovalWaiting ApprovalState = iota
	ApprovalGranted
	ApprovalDenied
	ApprovalExpired
	ApprovalUsed
)

// String is the state's word in the CLI, the API and the audit log.
func (s ApprovalState) String() string {
	switch s {
	case ApprovalGranted:
		return "granted"
	case ApprovalDenied:
		return "denied"
	case ApprovalExpired:
		return "expired"
	case ApprovalUsed:
		return "used"
	case ApprovalWaiting:
	}
	return "waiting"
}

// State is how the approval stands at a time. Denied and used are for ever; what
// was granted and not used expires all the same.
func (a *Approval) State(now time.Time) ApprovalState {
	switch {
	case !a.Used.IsZero():
		return ApprovalUsed
	case a.Denial != nil:
		return ApprovalDenied
	case !now.Before(a.Expires):
		return ApprovalExpired
	case a.Count > 0 && len(a.Grants) >= a.Count:
		return ApprovalGranted
	}
	return ApprovalWaiting
}
