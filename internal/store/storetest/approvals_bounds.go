package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/store"
)

// The bounds of approvals.
const (
	liveApprovals = 1000
	liveOfOne     = 32
	argumentSize  = 256 << 10
	argumentsSize = 64 << 20
	endedKept     = 1000
)

// askedBy is what one of many requesters asks for.
func askedBy(requester, call int) gate.Approval {
	a := asked(call)
	a.Requester = fmt.Sprint("requester ", requester)
	return a
}

func limitOfOne(t *testing.T, s ApprovalState) {
	one := s.open(t)
	var last gate.Approval
	for i := range liveOfOne {
		last = ask(t, one, asked(i))
	}
	before := s.Records.All()
	a, err := one.Ask(t.Context(), asked(liveOfOne))
	refusedFor(t, "asking for one too many", a, err, store.ErrApprovalLimit)
	if !maps.Equal(before, s.Records.All()) {
		t.Error("a refusal has written something")
	}
	ask(t, one, asked(0)) // is there already
	ask(t, one, askedBy(2, liveOfOne))
	if _, err := one.Deny(t.Context(), last.ID, by("bob")); err != nil {
		t.Fatal(err)
	}
	ask(t, one, asked(liveOfOne+1))
}

func limitOfArguments(t *testing.T, s ApprovalState) {
	one := s.open(t)
	large := bytes.Repeat([]byte{'x'}, argumentSize)
	a := asked(1)
	a.Arguments = append(slices.Clone(large), 'x')
	got, err := one.Ask(t.Context(), a)
	refusedFor(t, "asking with too large arguments", got, err, store.ErrApprovalSize)
	a = asked(1)
	a.Rule = strings.Repeat("x", 16<<10)
	got, err = one.Ask(t.Context(), a)
	refusedFor(t, "asking with a too large rule", got, err, store.ErrApprovalSize)
	if n := len(s.Records.All()) + len(s.Arguments.All()); n != 0 {
		t.Errorf("refusals have written %d things", n)
	}
	// Those that have ended make room, those that wait do not.
	old := asked(-1)
	old.Arguments, old.Expires = large, time.Now().Add(-time.Second)
	gone := ask(t, one, old)
	for i := range argumentsSize / argumentSize {
		a := askedBy(i/liveOfOne, i)
		a.Arguments = large
		if got := ask(t, one, a); !bytes.Equal(got.Arguments, large) {
			t.Fatal("the arguments are others")
		}
	}
	got, err = one.Get(t.Context(), gone.ID)
	refusedFor(t, "reading what made room", got, err, store.ErrNoApproval)
	a = askedBy(1000, 1000)
	a.Arguments = []byte("x")
	got, err = one.Ask(t.Context(), a)
	refusedFor(t, "asking with no room for arguments", got, err, store.ErrApprovalLimit)
	a.Arguments = nil
	ask(t, one, a)
	if n := len(s.Arguments.All()); n != argumentsSize/argumentSize {
		t.Errorf("%d arguments are kept", n)
	}
}

func limitInAll(t *testing.T, s ApprovalState) {
	one := s.open(t)
	var first gate.Approval
	for i := range liveApprovals {
		who := i / liveOfOne
		if i >= liveApprovals*3/4 { // the last quarter is for those who have none
			if i == liveApprovals*3/4 {
				a, err := one.Ask(t.Context(), askedBy(0, -2))
				refusedFor(t, "asking for one more of the last quarter", a, err, store.ErrApprovalLimit)
			}
			who = 2000 + i
		}
		a := askedBy(who, i)
		a.Arguments = nil
		if a = ask(t, one, a); i == 0 {
			first = a
		}
	}
	a, err := s.open(t).Ask(t.Context(), askedBy(1000, -1))
	refusedFor(t, "asking for one too many", a, err, store.ErrApprovalLimit)
	grant(t, one, first.ID, "bob")
	if _, used := useApproval(t, one, 0); !used {
		t.Error("a granted one cannot be used among many")
	}
	ask(t, one, askedBy(1000, -1))
	all, err := one.List(t.Context())
	if err != nil || len(all) != liveApprovals+1 {
		t.Errorf("%v, %d are listed", err, len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b gate.Approval) int { return b.Created.Compare(a.Created) }) {
		t.Error("the list does not begin with the newest")
	}
}

// What ended is kept for a day, and at most a thousand times.
func endedOnes(t *testing.T, s ApprovalState) {
	one := s.open(t)
	denied := ask(t, one, asked(-1))
	if _, err := one.Deny(t.Context(), denied.ID, by("bob")); err != nil {
		t.Fatal(err)
	}
	waiting := ask(t, one, asked(-2))
	for i := range endedKept + 20 {
		a := asked(i)
		a.Expires = time.Now().Add(-time.Hour + time.Duration(i)*time.Second)
		ask(t, one, a)
	}
	yesterday := asked(-3)
	yesterday.Expires = time.Now().Add(-25 * time.Hour)
	ask(t, one, yesterday)
	all, err := one.List(t.Context())
	if err != nil || len(all) != endedKept+1 || len(s.Records.All()) != endedKept+1 || len(s.Arguments.All()) != endedKept+1 {
		t.Errorf("%v, %d are listed, %d records and %d arguments are kept", err, len(all), len(s.Records.All()), len(s.Arguments.All()))
	}
	for _, a := range []gate.Approval{denied, waiting} { // are not the oldest that may go
		if _, err := one.Get(t.Context(), a.ID); err != nil {
			t.Error(err)
		}
	}
	if got := ask(t, one, asked(-1)); got.ID != denied.ID {
		t.Error("a denial was forgotten while it is in force")
	}
}

// unopened checks that nothing can be told while the home is as it is.
func unopened(t *testing.T, g *store.Approvals, id string) {
	t.Helper()
	if a, used, err := g.Use(t.Context(), asked(1).Binding); used || a.ID != "" || !errors.Is(err, store.ErrApprovals) {
		t.Fatalf("Use: %v, %q, %v", used, a.ID, err)
	}
	if a, err := g.Grant(t.Context(), id, by("bob")); a.ID != "" || !errors.Is(err, store.ErrApprovals) {
		t.Fatalf("Grant: %q, %v", a.ID, err)
	}
	if a, err := g.Ask(t.Context(), asked(1)); a.ID != "" || !errors.Is(err, store.ErrApprovals) {
		t.Fatalf("Ask: %q, %v", a.ID, err)
	}
}

// flipped calls f with ways of one byte to be another, of every byte or of some.
func (s ApprovalState) flipped(sealed string, f func(string)) {
	for i := 0; i < len(sealed); i += s.step {
		altered := []byte(sealed)
		altered[i] ^= 1 << (i % 8)
		f(string(altered))
	}
	f(sealed[:len(sealed)-1])
	f(sealed + "\x00")
	f("x")
}

func recordAltered(t *testing.T, s ApprovalState) {
	one := s.open(t)
	id := ask(t, one, asked(1)).ID
	sealed := s.Records.All()[id]
	s.flipped(sealed, func(altered string) {
		s.Records.Set(id, altered)
		unopened(t, one, id)
	})
	if other, err := s.Open(); err == nil {
		t.Errorf("opened: %v", other.Close())
	}
	if one.Healthy(t.Context()) == nil {
		t.Error("healthy with an altered record")
	}
	if _, err := one.List(t.Context()); !errors.Is(err, store.ErrApprovals) {
		t.Errorf("listed: %v", err)
	}
	s.Records.Set(id, sealed)
	grant(t, one, id, "bob")
	if _, used := useApproval(t, one, 1); !used {
		t.Error("it does not recover")
	}
}

func argumentsAltered(t *testing.T, s ApprovalState) {
	one := s.open(t)
	want := asked(1)
	want.Count = 2
	id := ask(t, one, want).ID
	grant(t, one, id, "carol")
	sealed := s.Arguments.All()[id]
	s.flipped(sealed, func(altered string) {
		s.Arguments.Set(id, altered)
		unopened(t, one, id)
	})
	s.Arguments.Set(id, "")
	unopened(t, one, id)
	if _, err := one.List(t.Context()); !errors.Is(err, store.ErrApprovals) {
		t.Errorf("listed: %v", err)
	}
	s.Arguments.Set(id, sealed)
	grant(t, one, id, "bob")
	if _, used := useApproval(t, one, 1); !used {
		t.Error("it does not recover")
	}
}

// passedOff: nothing under a seal passes for another's.
func passedOff(t *testing.T, s ApprovalState) {
	one := s.open(t)
	mine, other := ask(t, one, asked(1)).ID, ask(t, one, asked(2)).ID
	grant(t, one, other, "bob")
	records, arguments := s.Records.All(), s.Arguments.All()
	s.Records.Set(mine, records[other])
	unopened(t, one, mine)
	s.Records.Set(mine, arguments[mine])
	unopened(t, one, mine)
	s.Records.Set(mine, records[mine])
	s.Records.Set("apr_00000000000000000000000000", records[other])
	unopened(t, one, mine)
	s.Records.Set("apr_00000000000000000000000000", "")
	s.Arguments.Set(mine, arguments[other])
	if a, err := one.Grant(t.Context(), mine, by("bob")); err == nil || a.ID != "" {
		t.Error("granted with the arguments of another")
	}
	if _, _, err := one.Use(t.Context(), asked(1).Binding); err == nil {
		t.Error("read with the arguments of another")
	}
	s.Arguments.Set(mine, arguments[mine])
	if _, used := useApproval(t, one, 1); used {
		t.Error("used without a grant")
	}
}

// The faults of a caller are errors, and write nothing.
func approvalFaults(t *testing.T, s ApprovalState) {
	one := s.open(t)
	for name, spoil := range map[string]func(*gate.Approval){
		"no binding":      func(a *gate.Approval) { a.Binding = [32]byte{} },
		"no requester":    func(a *gate.Approval) { a.Requester = "" },
		"no end":          func(a *gate.Approval) { a.Expires = time.Time{} },
		"far end":         func(a *gate.Approval) { a.Expires = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"no approver":     func(a *gate.Approval) { a.Count = 0 },
		"fewer than none": func(a *gate.Approval) { a.Count = -1 },
		"17 approvers":    func(a *gate.Approval) { a.Count = 17 },
		"no role":         func(a *gate.Approval) { a.Roles = nil },
		"65 roles":        func(a *gate.Approval) { a.Roles = make([]string, 65) },
		"self and role":   func(a *gate.Approval) { a.Self = true },
		"self and two":    func(a *gate.Approval) { a.Self, a.Roles, a.Count = true, nil, 2 },
		"granted":         func(a *gate.Approval) { a.Grants = []gate.Consent{by("bob")} },
		"denied":          func(a *gate.Approval) { a.Denial = &gate.Consent{} },
		"used":            func(a *gate.Approval) { a.Used = time.Now() },
		"no UTF-8":        func(a *gate.Approval) { a.Name = "\xff" },
	} {
		a := asked(1)
		spoil(&a)
		if got, err := one.Ask(t.Context(), a); err == nil || got.ID != "" || errors.Is(err, store.ErrApprovals) {
			t.Errorf("%s: asked, %v", name, err)
		}
	}
	if n := len(s.Records.All()) + len(s.Arguments.All()); n != 0 {
		t.Errorf("faults have written %d things", n)
	}
	binary := asked(1)
	binary.Arguments = []byte{0xff, 0}
	if got := ask(t, one, binary); !bytes.Equal(got.Arguments, binary.Arguments) {
		t.Error("arguments are not kept byte for byte")
	}
}

func closedApprovals(t *testing.T, s ApprovalState) {
	one := s.open(t)
	grant(t, one, ask(t, one, asked(1)).ID, "bob")
	if err := one.Close(); err != nil {
		t.Error(err)
	}
	if _, used, err := one.Use(t.Context(), asked(1).Binding); used || !errors.Is(err, store.ErrApprovals) {
		t.Errorf("after Close: used %v, %v", used, err)
	}
	if err := one.Healthy(t.Context()); err == nil {
		t.Error("healthy after Close")
	}
	if _, used := useApproval(t, s.open(t), 1); !used { // as after a restart
		t.Error("a granted approval is lost")
	}
}
