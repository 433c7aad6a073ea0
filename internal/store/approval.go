package store

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"doorward/internal/gate"
)

// Bounds of approvals (RES-30).
const (
	maxLiveApprovals = 1000 // waiting or granted
	maxLiveOfOne     = 32   // of one requester
	maxEnded         = 1000
	keepEnded        = 24 * time.Hour
	maxArguments     = 256 << 10 // bytes, of one call
	maxAllArguments  = 64 << 20  // bytes; ended approvals make room for new ones
	maxApprovers     = 16
	maxAsked         = 16 << 10 // bytes of a record, without arguments and seal, when it is made
	maxRecord        = 64 << 10 // with all grants

	// What a home may hold: every live one and every ended one, and at the worst as
	// many live ones again that were denied.
	maxRecords = 2*maxLiveApprovals + maxEnded
)

// The form of an approval's id: 128 random bits in Crockford's base32, lower case.
const (
	approvalPrefix   = "apr_"
	approvalAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	approvalIDSize   = len(approvalPrefix) + 26
)

// The refusals of Approvals. ErrApprovals means that nobody can tell what was
// approved.
var (
	ErrApprovals     = errors.New("what is approved is unknown")
	ErrNoApproval    = errors.New("no such approval")
	ErrApprovalEnded = errors.New("the approval has ended: it has expired, was used or was denied")
	ErrApprovalGiven = errors.New("the approval has every yes that it needs")
	ErrOwnApproval   = errors.New("who asks for an approval cannot give it")
	ErrNotOwn        = errors.New("only who asked may confirm this call")
	ErrTwice         = errors.New("this approver has said yes already")
	ErrApprovalLimit = errors.New("too many approvals are waiting")
	ErrApprovalSize  = errors.New("the call is too large to wait for an approval")
)

// keptApproval is an approval as a home keeps it. It never changes once it is kept;
// a change makes another.
type keptApproval struct {
	gate.Approval // without its arguments

	size   int       // of the arguments, in bytes
	run    string    // of the home that it was asked in
	lapsed time.Time // when it was found to have ended by itself; zero: not yet, or it ended otherwise
}

// state is how it stands. What was once found to have expired stays so, whatever
// the clock says later.
func (k *keptApproval) state(now time.Time) gate.ApprovalState {
	if !k.lapsed.IsZero() {
		return gate.ApprovalExpired
	}
	return k.State(now)
}

// live tells whether it can still let its call pass, now or with a yes.
func (k *keptApproval) live(now time.Time) bool {
	s := k.state(now)
	return s == gate.ApprovalWaiting || s == gate.ApprovalGranted
}

// denies tells whether its denial is in force: until the approval would have expired.
func (k *keptApproval) denies(now time.Time) bool {
	return k.state(now) == gate.ApprovalDenied && now.Before(k.Expires)
}

// ended is when it did.
func (k *keptApproval) ended() time.Time {
	switch {
	case !k.Used.IsZero():
		return k.Used
	case k.Denial != nil:
		return k.Denial.At
	case !k.lapsed.IsZero() && k.lapsed.Before(k.Expires):
		return k.lapsed
	}
	return k.Expires
}

// shown is the approval for a caller, who may do with it as he likes. One that
// lapsed has expired by then, also by a clock that was set back.
func (k *keptApproval) shown(now time.Time, arguments []byte) gate.Approval {
	a := k.Approval
	if len(arguments) > 0 {
		a.Arguments = arguments
	}
	a.Roles, a.Grants = slices.Clone(k.Roles), slices.Clone(k.Grants)
	if k.Denial != nil {
		denial := *k.Denial
		a.Denial = &denial
	}
	if !k.lapsed.IsZero() {
		for _, t := range []time.Time{k.lapsed, now} {
			if t.Before(a.Expires) {
				a.Expires = t
			}
		}
	}
	return a
}

// granted is k with one more yes.
func (k *keptApproval) granted(who gate.Consent, now time.Time) (*keptApproval, error) {
	switch {
	case who.Approver == "":
		return nil, errors.New("an approver has a name")
	case !k.live(now):
		return nil, ErrApprovalEnded
	case k.Self && who.Approver != k.Requester:
		return nil, ErrNotOwn
	case !k.Self && who.Approver == k.Requester:
		return nil, ErrOwnApproval
	case slices.ContainsFunc(k.Grants, func(c gate.Consent) bool { return c.Approver == who.Approver }):
		return nil, ErrTwice
	case k.state(now) == gate.ApprovalGranted:
		return nil, ErrApprovalGiven
	}
	who.At = now
	next := *k
	next.Grants = append(slices.Clip(k.Grants), who)
	return &next, nil
}

// denied is k with a no.
func (k *keptApproval) denied(who gate.Consent, now time.Time) (*keptApproval, error) {
	switch {
	case who.Approver == "":
		return nil, errors.New("an approver has a name")
	case !k.live(now):
		return nil, ErrApprovalEnded
	}
	who.At = now
	next := *k
	next.Denial = &who
	return &next, nil
}

// checkAsked finds the faults of who asks.
func checkAsked(a *gate.Approval) error {
	if len(a.Arguments) > maxArguments {
		return fmt.Errorf("%w: its arguments are more than %d bytes", ErrApprovalSize, maxArguments)
	}
	if len(a.Grants) > 0 || a.Denial != nil || !a.Used.IsZero() {
		return errors.New("an approval that is asked for has not been decided about")
	}
	return checkTerms(a)
}

// checkTerms refuses an approval that nobody, or anybody, could give.
func checkTerms(a *gate.Approval) error {
	switch {
	case a.Binding == [32]byte{}:
		return errors.New("an approval is bound to a call")
	case a.Requester == "":
		return errors.New("an approval has a requester")
	case a.Expires.IsZero():
		return errors.New("an approval expires")
	case a.Count < 1 || a.Count > maxApprovers:
		return fmt.Errorf("an approval takes 1 to %d approvers", maxApprovers)
	case a.Self && (a.Count != 1 || len(a.Roles) > 0):
		return errors.New("the requester's own confirmation takes no role and nobody else")
	case !a.Self && len(a.Roles) == 0:
		return errors.New("an approval names the roles of its approvers")
	case len(a.Roles) > maxRoles:
		return fmt.Errorf("an approval has at most %d roles", maxRoles)
	}
	return nil
}

func newApprovalID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return approvalPrefix + base32.NewEncoding(approvalAlphabet).WithPadding(base32.NoPadding).EncodeToString(b[:])
}

// isApprovalID tells whether a text has the form of an id. A file is named by it.
func isApprovalID(id string) bool {
	text, ok := strings.CutPrefix(id, approvalPrefix)
	return ok && len(id) == approvalIDSize &&
		!strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(approvalAlphabet, r) })
}
