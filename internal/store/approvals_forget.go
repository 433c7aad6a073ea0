package store

import (
	"context"
	"fmt"
	"slices"

	"doorward/internal/gate"
)

// erasedName stands for somebody who is forgotten, in decisions that stay.
const erasedName = "erased"

// Forget takes somebody out of approvals. What they asked for is dropped, whatever
// became of it: their call asks anew. Their yes to what waits counts no more, so that
// somebody else has to say it; in what has ended, and in a no, they are without a name.
// forget tells of whom by realm, subject and Principal.Key. n is in how many approvals
// they were.
func (s *Approvals) Forget(ctx context.Context, forget func(realm, subject, key string) bool) (n int, err error) {
	_, err = s.do(ctx, "forgetting somebody", func(d *approvalsDraft) ([]string, error) {
		n = 0 // of a try that came to nothing
		for id, k := range d.kept {
			if forget(k.Realm, k.Subject, k.Requester) {
				d.drop(id)
				n++
				continue
			}
			next := k.without(func(c gate.Consent) bool { return forget(c.Realm, c.Subject, c.Approver) }, k.live(d.now))
			if next == nil {
				continue
			}
			n++
			if err := d.put(next); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	return n, err
}

// Drop takes out what people of some realms and tenants asked for, whatever became of it:
// who comes under the same names later asks anew. n is how many they were.
func (s *Approvals) Drop(ctx context.Context, some func(realm, tenant string) bool) (n int, err error) {
	_, err = s.do(ctx, "dropping approvals", func(d *approvalsDraft) ([]string, error) {
		n = 0 // of a try that came to nothing
		for id, k := range d.kept {
			if some(k.Realm, k.Tenant) {
				d.drop(id)
				n++
			}
		}
		return nil, nil
	})
	return n, err
}

// drop takes an approval out of the home.
func (d *approvalsDraft) drop(id string) {
	delete(d.change.put, id)
	delete(d.change.arguments, id)
	delete(d.kept, id)
	if _, there := d.from.sealed[id]; there {
		d.change.drop = append(d.change.drop, id)
	}
}

// without is k without the names of some who decided; nil where they did not. live
// says that it is still to be decided about.
func (k *keptApproval) without(some func(gate.Consent) bool, live bool) *keptApproval {
	denied := k.Denial != nil && some(*k.Denial)
	if !denied && !slices.ContainsFunc(k.Grants, some) {
		return nil
	}
	next := *k
	next.Grants = nil
	for i, c := range k.Grants {
		switch {
		case !some(c):
			next.Grants = append(next.Grants, c)
		case !live:
			next.Grants = append(next.Grants, gate.Consent{Approver: fmt.Sprintf("%s %d", erasedName, i+1), Subject: erasedName, At: c.At})
		}
	}
	if denied {
		next.Denial = &gate.Consent{Approver: erasedName, Subject: erasedName, At: k.Denial.At}
	}
	return &next
}
