package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/store"
)

// Sealed is what lies in a home, by id.
type Sealed struct {
	All func() map[string]string
	Set func(id, sealed string) // empty: removes it
}

// ApprovalState is one home of approvals.
type ApprovalState struct {
	Open      func() (*store.Approvals, error) // as one more gateway does
	Records   Sealed
	Arguments Sealed

	step int // of flipped
}

// ApprovalKind is a kind of home.
type ApprovalKind struct {
	Run func(*testing.T, func(*testing.T)) // runs a case, in a bubble of synctest where the kind allows it
	New func(*testing.T) ApprovalState     // makes an empty one

	// Thousands adds the cases that write thousands of times. They take minutes where
	// each write waits for a disk; what they are about is decided before it.
	Thousands bool

	// Slow adds the cases that write 64 MiB or wait for a denial to end.
	Slow bool

	// Step is how far apart the bytes are that are altered, one at a time; 0 is 1: every
	// one. A home that is asked over several round trips takes fewer.
	Step int
}

// TestApprovals holds a kind of home to the rules of all.
func TestApprovals(t *testing.T, kind ApprovalKind) {
	for name, f := range map[string]func(*testing.T, ApprovalState){
		"asked, granted, used":         lifeOfAnApproval,
		"kept whole":                   keptWhole,
		"POL-56 bound to its call":     boundToItsCall,
		"POL-56 four eyes":             fourEyes,
		"POL-56 several approvers":     severalApprovers,
		"POL-56 confirmed by oneself":  ownConfirmation,
		"POL-56 expired":               expiredApproval,
		"POL-56 expired when asked":    expiredWhenAsked,
		"POL-56 fifty at once":         fiftyUses,
		"many grants at once":          grantsAtOnce,
		"asked at once":                askedAtOnce,
		"RES-30 of one requester":      limitOfOne,
		"a record altered":             recordAltered,
		"arguments altered":            argumentsAltered,
		"records and arguments passed": passedOff,
		"faults":                       approvalFaults,
		"closed":                       closedApprovals,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind.Run(t, func(t *testing.T) {
				s := kind.New(t)
				s.step = max(kind.Step, 1)
				f(t, s)
			})
		})
	}
	for name, f := range map[string]func(*testing.T, ApprovalState){"RES-30 of arguments": limitOfArguments, "POL-56 denied": deniedApproval} {
		if !kind.Slow {
			break
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind.Run(t, func(t *testing.T) { f(t, kind.New(t)) })
		})
	}
	if !kind.Thousands {
		return
	}
	// By themselves: they keep the machine busy.
	for name, f := range map[string]func(*testing.T, ApprovalState){"RES-30 in all": limitInAll, "ended ones": endedOnes} {
		t.Run(name, func(t *testing.T) {
			kind.Run(t, func(t *testing.T) { f(t, kind.New(t)) })
		})
	}
}

func (s ApprovalState) open(t *testing.T) *store.Approvals {
	t.Helper()
	a, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// asked is what alice asks for: one of many calls, by its number.
func asked(call int) gate.Approval {
	arguments := fmt.Sprintf(`{"call": %d, "to": "Ä\u0000"}`, call)
	return gate.Approval{
		Binding: sha256.Sum256(fmt.Append(nil, "call ", call)), Requester: "alice's key",
		Realm: Issuer, Subject: "alice", Tenant: "acme", Exchange: "01J", Method: "tools/call", Upstream: "files", Name: "delete",
		Pin: gate.Digest(sha256.Sum256([]byte("pin"))), Policy: "p1", Rule: "deleting",
		Arguments: []byte(arguments), Roles: []string{"lead", "ops"}, Count: 1,
		Expires: time.Now().Add(15 * time.Minute).Truncate(time.Microsecond).UTC(),
	}
}

// by is somebody's decision.
func by(name string) gate.Consent {
	return gate.Consent{Approver: name + "'s key", Realm: Issuer, Subject: name}
}

func ask(t *testing.T, s *store.Approvals, a gate.Approval) gate.Approval {
	t.Helper()
	a, err := s.Ask(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func grant(t *testing.T, s *store.Approvals, id, name string) gate.Approval {
	t.Helper()
	a, err := s.Grant(t.Context(), id, by(name))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func useApproval(t *testing.T, s *store.Approvals, call int) (gate.Approval, bool) {
	t.Helper()
	a, used, err := s.Use(t.Context(), asked(call).Binding)
	if err != nil {
		t.Fatal(err)
	}
	return a, used
}

// inState checks how an approval stands.
func inState(t *testing.T, a gate.Approval, want gate.ApprovalState) {
	t.Helper()
	if got := a.State(time.Now()); got != want {
		t.Errorf("approval %s is %v, want %v", a.ID, got, want)
	}
}

// refusedFor checks a refusal: its reason, and that nothing comes with it.
func refusedFor(t *testing.T, what string, a gate.Approval, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || errors.Is(err, store.ErrApprovals) {
		t.Errorf("%s: %v; want %v", what, err, want)
	}
	if a.ID != "" {
		t.Errorf("%s: an approval comes with the refusal", what)
	}
}

func lifeOfAnApproval(t *testing.T, s ApprovalState) {
	one, other := s.open(t), s.open(t)
	if a, used := useApproval(t, one, 1); used || a.ID != "" {
		t.Errorf("used %v, %q before anybody asked", used, a.ID)
	}
	a := ask(t, one, asked(1))
	inState(t, a, gate.ApprovalWaiting)
	if !regexp.MustCompile(`^apr_[0-9a-hjkmnp-tv-z]{26}$`).MatchString(a.ID) || time.Since(a.Created).Abs() > time.Minute {
		t.Errorf("id %q, created %v", a.ID, a.Created)
	}
	if again := ask(t, other, asked(1)); again.ID != a.ID {
		t.Error("the same call was asked about twice")
	}
	if got, used := useApproval(t, other, 1); used || got.ID != a.ID {
		t.Errorf("used %v, %q while it waits", used, got.ID)
	}
	inState(t, grant(t, other, a.ID, "bob"), gate.ApprovalGranted)
	if again := ask(t, one, asked(1)); again.ID != a.ID {
		t.Error("asked again though it is granted")
	} else {
		inState(t, again, gate.ApprovalGranted)
	}
	got, used := useApproval(t, one, 1)
	if !used || got.ID != a.ID || string(got.Arguments) != string(a.Arguments) {
		t.Errorf("used %v, %+v", used, got)
	}
	inState(t, got, gate.ApprovalUsed)
	for _, g := range []*store.Approvals{one, other, s.open(t)} { // POL-56: replayed
		if got, used := useApproval(t, g, 1); used || got.ID != a.ID {
			t.Errorf("used %v again, %q", used, got.ID)
		}
		_, err := g.Grant(t.Context(), a.ID, by("carol"))
		refusedFor(t, "granting what was used", gate.Approval{}, err, store.ErrApprovalEnded)
	}
	if next := ask(t, one, asked(1)); next.ID == a.ID {
		t.Error("what was used is given again")
	} else {
		inState(t, next, gate.ApprovalWaiting)
	}
}

// Every field comes back, at any gateway, after a restart.
func keptWhole(t *testing.T, s ApprovalState) {
	one := s.open(t)
	want := asked(1)
	want.Count = 2
	a := ask(t, one, want)
	want.ID, want.Created = a.ID, a.Created
	Until(time.Now().Add(time.Millisecond)) // the bubble's clock stands still otherwise
	bare := asked(2)
	bare.Arguments, bare.Tenant, bare.Exchange, bare.Rule = nil, "", "", ""
	second := ask(t, one, bare)
	bare.ID, bare.Created = second.ID, second.Created
	granted := grant(t, one, a.ID, "bob")
	if len(granted.Grants) != 1 || time.Since(granted.Grants[0].At).Abs() > time.Minute {
		t.Fatalf("grants %v", granted.Grants)
	}
	want.Grants = []gate.Consent{by("bob")}
	want.Grants[0].At = granted.Grants[0].At
	granted.Grants[0].Approver, granted.Roles[0], granted.Arguments[0] = "x", "x", 'x' // are the caller's
	for _, g := range []*store.Approvals{one, s.open(t)} {
		got, err := g.Get(t.Context(), a.ID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v, %s", err, diff)
		}
		all, err := g.List(t.Context())
		if diff := cmp.Diff([]gate.Approval{bare, want}, all); err != nil || diff != "" {
			t.Errorf("%v, %s", err, diff)
		}
		if err := g.Healthy(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for _, stored := range []Sealed{s.Records, s.Arguments} {
		for id, text := range stored.All() {
			if strings.Contains(text, "alice") || strings.Contains(text, "call") {
				t.Errorf("%s lies open", id)
			}
		}
	}
}

// An approval lets no other call pass.
func boundToItsCall(t *testing.T, s ApprovalState) {
	one := s.open(t)
	grant(t, one, ask(t, one, asked(1)).ID, "bob")
	if a, used := useApproval(t, one, 2); used || a.ID != "" {
		t.Errorf("call 2 used the approval of call 1: %v, %q", used, a.ID)
	}
	inState(t, ask(t, one, asked(2)), gate.ApprovalWaiting)
	mallory := asked(1)
	mallory.Requester = "mallory's key"
	if a, err := one.Ask(t.Context(), mallory); err == nil || a.ID != "" {
		t.Error("an approval is told to another than its requester")
	}
	if _, used := useApproval(t, one, 1); !used {
		t.Error("call 1 cannot use its approval")
	}
}

func fourEyes(t *testing.T, s ApprovalState) {
	one := s.open(t)
	id := ask(t, one, asked(1)).ID
	a, err := one.Grant(t.Context(), id, by("alice"))
	refusedFor(t, "granting oneself", a, err, store.ErrOwnApproval)
	if a, err := one.Grant(t.Context(), id, gate.Consent{}); err == nil || a.ID != "" {
		t.Error("nobody has granted")
	}
	a, err = one.Grant(t.Context(), "apr_00000000000000000000000000", by("bob"))
	refusedFor(t, "granting nothing", a, err, store.ErrNoApproval)
	a, err = one.Deny(t.Context(), "", by("bob"))
	refusedFor(t, "denying nothing", a, err, store.ErrNoApproval)
	a, err = one.Get(t.Context(), "../keys.json")
	refusedFor(t, "reading nothing", a, err, store.ErrNoApproval)
	if _, used := useApproval(t, one, 1); used {
		t.Error("used without a grant")
	}
}

func severalApprovers(t *testing.T, s ApprovalState) {
	one, other := s.open(t), s.open(t)
	want := asked(1)
	want.Count = 2
	id := ask(t, one, want).ID
	inState(t, grant(t, one, id, "bob"), gate.ApprovalWaiting)
	a, err := other.Grant(t.Context(), id, by("bob"))
	refusedFor(t, "granting twice", a, err, store.ErrTwice)
	if _, used := useApproval(t, one, 1); used {
		t.Error("used with one grant of two")
	}
	inState(t, grant(t, other, id, "carol"), gate.ApprovalGranted)
	a, err = one.Grant(t.Context(), id, by("carol"))
	refusedFor(t, "granting twice", a, err, store.ErrTwice)
	a, err = one.Grant(t.Context(), id, by("dave"))
	refusedFor(t, "granting what is granted", a, err, store.ErrApprovalGiven)
	a, used := useApproval(t, other, 1)
	if !used || len(a.Grants) != 2 || a.Grants[0].Subject != "bob" || a.Grants[1].Subject != "carol" {
		t.Errorf("used %v, grants %v", used, a.Grants)
	}
}

func ownConfirmation(t *testing.T, s ApprovalState) {
	one := s.open(t)
	want := asked(1)
	want.Self, want.Roles = true, nil
	id := ask(t, one, want).ID
	a, err := one.Grant(t.Context(), id, by("bob"))
	refusedFor(t, "confirming for another", a, err, store.ErrNotOwn)
	inState(t, grant(t, one, id, "alice"), gate.ApprovalGranted)
	if _, used := useApproval(t, one, 1); !used {
		t.Error("a confirmed call does not pass")
	}
}

func deniedApproval(t *testing.T, s ApprovalState) {
	one, other := s.open(t), s.open(t)
	want := asked(1)
	want.Expires = time.Now().Add(10 * time.Second)
	first, second := ask(t, one, want), ask(t, one, asked(2))
	grant(t, one, second.ID, "bob") // a granted one can be denied as well
	for call, a := range map[int]gate.Approval{1: first, 2: second} {
		denied, err := one.Deny(t.Context(), a.ID, by("carol"))
		if err != nil || denied.Denial == nil || denied.Denial.Subject != "carol" {
			t.Fatalf("%v, %+v", err, denied.Denial)
		}
		for _, g := range []*store.Approvals{one, other} {
			again := ask(t, g, asked(call))
			if again.ID != a.ID {
				t.Error("who was denied asks again")
			}
			inState(t, again, gate.ApprovalDenied)
			if _, used := useApproval(t, g, call); used {
				t.Error("used what was denied")
			}
			got, err := g.Grant(t.Context(), a.ID, by("dave"))
			refusedFor(t, "granting what was denied", got, err, store.ErrApprovalEnded)
			got, err = g.Deny(t.Context(), a.ID, by("dave"))
			refusedFor(t, "denying twice", got, err, store.ErrApprovalEnded)
		}
	}
	Until(want.Expires.Add(10 * time.Millisecond))
	if again := ask(t, other, asked(1)); again.ID == first.ID {
		t.Error("a denial is in force for longer than the approval would have been")
	}
}

func expiredApproval(t *testing.T, s ApprovalState) {
	one, other := s.open(t), s.open(t)
	granted, waiting := asked(1), asked(2)
	granted.Expires = time.Now().Add(2 * time.Second)
	waiting.Expires = granted.Expires
	first, second := ask(t, one, granted), ask(t, one, waiting)
	if _, err := one.Grant(t.Context(), first.ID, by("bob")); err != nil && time.Now().Before(granted.Expires) {
		t.Fatal(err)
	}
	Until(granted.Expires.Add(10 * time.Millisecond))
	for call, a := range map[int]gate.Approval{1: first, 2: second} {
		for _, g := range []*store.Approvals{other, one} {
			got, used := useApproval(t, g, call)
			if used || got.ID != a.ID {
				t.Errorf("call %d: used %v, %q after it expired", call, used, got.ID)
			}
			inState(t, got, gate.ApprovalExpired)
			got, err := g.Grant(t.Context(), a.ID, by("carol"))
			refusedFor(t, "granting what expired", got, err, store.ErrApprovalEnded)
			got, err = g.Deny(t.Context(), a.ID, by("carol"))
			refusedFor(t, "denying what expired", got, err, store.ErrApprovalEnded)
		}
		if next := ask(t, one, asked(call)); next.ID == a.ID {
			t.Error("what expired is given again")
		}
	}
}

func expiredWhenAsked(t *testing.T, s ApprovalState) {
	one := s.open(t)
	want := asked(1)
	want.Expires = time.Now().Add(-time.Second)
	a := ask(t, one, want)
	inState(t, a, gate.ApprovalExpired)
	got, err := one.Grant(t.Context(), a.ID, by("bob"))
	refusedFor(t, "granting what expired", got, err, store.ErrApprovalEnded)
	if _, used := useApproval(t, one, 1); used {
		t.Error("used what had expired when it was asked for")
	}
	if next := ask(t, one, asked(1)); next.ID == a.ID {
		t.Error("what expired is in the way")
	}
}

// atOnce runs f by several, over two gateways, and counts its successes. Every
// failure must be one of those that are expected.
func atOnce(t *testing.T, s ApprovalState, count int, f func(g *store.Approvals, i int) (bool, error)) int {
	t.Helper()
	gateways := []*store.Approvals{s.open(t), s.open(t)}
	start, done := make(chan struct{}), make(chan bool, count)
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() {
			<-start
			ok, err := f(gateways[i%2], i)
			if err != nil {
				t.Error(err)
			}
			done <- ok
		})
	}
	close(start)
	all.Wait()
	close(done)
	n := 0
	for ok := range done {
		if ok {
			n++
		}
	}
	return n
}

func fiftyUses(t *testing.T, s ApprovalState) {
	one := s.open(t)
	for call := range 5 {
		grant(t, one, ask(t, one, asked(call)).ID, "bob")
		n := atOnce(t, s, 50, func(g *store.Approvals, _ int) (bool, error) {
			_, used, err := g.Use(t.Context(), asked(call).Binding)
			return used, err
		})
		if n != 1 {
			t.Errorf("%d of 50 have used the approval, want 1", n)
		}
	}
}

func grantsAtOnce(t *testing.T, s ApprovalState) {
	one := s.open(t)
	want := asked(1)
	want.Count = 3
	id := ask(t, one, want).ID
	granting := func(name func(int) string, expected ...error) func(*store.Approvals, int) (bool, error) {
		return func(g *store.Approvals, i int) (bool, error) {
			_, err := g.Grant(t.Context(), id, by(name(i)))
			for _, e := range expected {
				if errors.Is(err, e) {
					return false, nil
				}
			}
			return err == nil, err
		}
	}
	if n := atOnce(t, s, 20, granting(func(int) string { return "bob" }, store.ErrTwice)); n != 1 {
		t.Errorf("one approver has granted %d times", n)
	}
	if n := atOnce(t, s, 20, granting(func(i int) string { return fmt.Sprint("approver ", i) }, store.ErrApprovalGiven)); n != 2 {
		t.Errorf("%d others have granted, want 2", n)
	}
	a, err := one.Get(t.Context(), id)
	if err != nil || len(a.Grants) != 3 {
		t.Errorf("%v, %d grants", err, len(a.Grants))
	}
	inState(t, a, gate.ApprovalGranted)
}

func askedAtOnce(t *testing.T, s ApprovalState) {
	var mu sync.Mutex
	ids := map[string]bool{}
	atOnce(t, s, 30, func(g *store.Approvals, _ int) (bool, error) {
		a, err := g.Ask(t.Context(), asked(1))
		mu.Lock()
		defer mu.Unlock()
		ids[a.ID] = true
		return true, err
	})
	if len(ids) != 1 {
		t.Errorf("one call has %d approvals", len(ids))
	}
}
