package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
)

var approvalsBegan = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// keeping is a store of as many approvals, each as make makes it, of requesters
// with 32 each.
func keeping(t *testing.T, count int, adapt func(k *keptApproval, i int)) *Approvals {
	t.Helper()
	secret := make([]byte, secretSize)
	for i := range secret {
		secret[i] = byte(i)
	}
	seals, err := newApprovalSeals(secret, approvalSealing)
	if err != nil {
		t.Fatal(err)
	}
	s := &Approvals{seals: seals, kept: map[string]openApproval{}, view: &approvalView{sealed: map[string]string{}}}
	for i := range count {
		k := waitingFor(i)
		adapt(k, i)
		s.kept[k.ID] = openApproval{"sealed", k}
		s.view.sealed[k.ID] = "sealed"
	}
	return s
}

func waitingFor(call int) *keptApproval {
	return &keptApproval{Approval: gate.Approval{
		ID: newApprovalID(), Binding: [32]byte{1, byte(call), byte(call >> 8)}, Requester: "requester " + string(rune('A'+call/maxLiveOfOne)),
		Roles: []string{"lead"}, Count: 1, Created: approvalsBegan, Expires: approvalsBegan.Add(time.Hour),
	}}
}

func (k *keptApproval) isGranted() {
	k.Grants = []gate.Consent{{Approver: "bob", At: approvalsBegan}}
}

func draftAt(t *testing.T, s *Approvals, now time.Time) *approvalsDraft {
	t.Helper()
	d, err := newApprovalsDraft(s, now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What was seen to have expired stays so when the clock is set back (POL-46).
func TestPOL56TheClockGoesBack(t *testing.T) {
	s := keeping(t, 1, func(k *keptApproval, _ int) { k.isGranted() })
	binding := waitingFor(0).Binding
	if k := draftAt(t, s, approvalsBegan).standing(binding); k == nil || k.state(approvalsBegan) != gate.ApprovalGranted {
		t.Fatal("it is not granted")
	}
	d := draftAt(t, s, approvalsBegan.Add(time.Hour))
	if d.standing(binding) != nil || len(d.change.put) != 1 {
		t.Fatal("it has not expired, or this is not kept")
	}
	if err := s.adopt(d.from.with(&d.change, "")); err != nil {
		t.Fatal(err)
	}
	d = draftAt(t, s, approvalsBegan)
	k := d.last(binding)
	if d.standing(binding) != nil || k.state(d.now) != gate.ApprovalExpired || len(d.change.put) != 0 {
		t.Error("it is alive again")
	}
	if a := k.shown(d.now, nil); a.State(d.now) != gate.ApprovalExpired {
		t.Error("it is shown as alive")
	}
	if _, err := k.granted(gate.Consent{Approver: "carol"}, d.now); !errors.Is(err, ErrApprovalEnded) {
		t.Errorf("granted: %v", err)
	}
}

func TestRES30LiveApprovals(t *testing.T) {
	ask := func(s *Approvals) error {
		a := waitingFor(1 << 15).Approval
		_, err := draftAt(t, s, approvalsBegan).add(a)
		return err
	}
	waiting := func(*keptApproval, int) {}
	denied := func(k *keptApproval, _ int) { k.Denial = &gate.Consent{Approver: "bob", At: approvalsBegan} }
	for name, c := range map[string]struct {
		count int
		adapt func(*keptApproval, int)
		want  error
	}{
		"room for one":         {maxLiveApprovals - 1, waiting, nil},
		"full":                 {maxLiveApprovals, waiting, ErrApprovalLimit},
		"full of granted ones": {maxLiveApprovals, func(k *keptApproval, _ int) { k.isGranted() }, ErrApprovalLimit},
		"full of denied ones":  {maxLiveApprovals, denied, ErrApprovalLimit},
		"ended ones":           {maxLiveApprovals, func(k *keptApproval, _ int) { k.isGranted(); k.Used = approvalsBegan }, nil},
	} {
		if err := ask(keeping(t, c.count, c.adapt)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestEndedApprovalsAreForgotten(t *testing.T) {
	used := func(k *keptApproval, i int) {
		k.isGranted()
		k.Used = approvalsBegan.Add(time.Duration(i) * time.Second)
	}
	s := keeping(t, maxEnded+5, used)
	denied := waitingFor(-1)
	denied.Denial = &gate.Consent{Approver: "bob", At: approvalsBegan.Add(-time.Hour)}
	denied.Expires = approvalsBegan.Add(48 * time.Hour)
	s.kept[denied.ID] = openApproval{"sealed", denied}
	d := draftAt(t, s, approvalsBegan)
	if n := len(d.list()); n != maxEnded || d.kept[denied.ID] == nil {
		t.Errorf("%d are kept, the denial %v", n, d.kept[denied.ID] != nil)
	}
	for _, k := range d.kept {
		if k != denied && k.Used.Before(approvalsBegan.Add(6*time.Second)) {
			t.Errorf("one that ended at %v is kept, and later ones are not", k.Used)
		}
	}
	d = draftAt(t, s, approvalsBegan.Add(keepEnded+10*time.Second))
	if n := len(d.list()); n != maxEnded+5-11+1 || d.kept[denied.ID] == nil {
		t.Errorf("%d are kept after a day, the denial %v", n, d.kept[denied.ID] != nil)
	}
	if d = draftAt(t, s, denied.Expires); d.kept[denied.ID] != nil {
		t.Error("a denial is kept when it is no longer in force")
	}
}

// FuzzApprovalRecord: whatever lies under a seal, reading it never panics; what is
// read is written as the same, and is granted by as many others as it takes.
func FuzzApprovalRecord(f *testing.F) {
	k := waitingFor(1)
	for _, change := range []func(){
		func() {}, k.isGranted, func() { k.Used = approvalsBegan },
		func() { k.Used, k.Denial = time.Time{}, &gate.Consent{Approver: "carol", At: approvalsBegan} },
		func() { k.Denial, k.Grants, k.lapsed, k.run = nil, nil, approvalsBegan, "run" },
		func() { k.Self, k.Roles, k.size = true, nil, 10 },
	} {
		change()
		text, err := k.record()
		if err != nil {
			f.Fatal(err)
		}
		if _, err := parseApproval(k.ID, text); err != nil {
			f.Fatalf("a seed is no record: %v: %s", err, text)
		}
		f.Add(k.ID, text)
	}
	f.Add("apr_", []byte("{}"))
	f.Fuzz(func(t *testing.T, id string, text []byte) {
		k, err := parseApproval(id, text)
		if err != nil {
			return
		}
		again, err := k.record()
		if err != nil {
			t.Fatal(err)
		}
		same, err := parseApproval(id, again)
		if diff := cmp.Diff(k, same, cmp.AllowUnexported(keptApproval{})); err != nil || diff != "" {
			t.Errorf("%v, %s", err, diff)
		}
		others := map[string]bool{}
		for _, c := range k.Grants {
			if k.Self == (c.Approver == k.Requester) {
				others[c.Approver] = true
			}
		}
		if s := k.state(k.Created); (s == gate.ApprovalGranted || s == gate.ApprovalUsed) && len(others) != k.Count {
			t.Errorf("%v by %d of %d", s, len(others), k.Count)
		}
	})
}
