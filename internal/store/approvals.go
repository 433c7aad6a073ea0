package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"doorward/internal/gate"
)

const (
	approvalWithin = 4 * time.Second // of one call, with the wait for those before it
	approvalTries  = 64              // to write, while other gateways are faster
)

// approvalHome is where sealed approvals are: a file or Redis. It looks at no
// seal. Its methods are called one at a time.
type approvalHome interface {
	// lock keeps out those that do not write by comparing, until it is undone.
	lock() (unlock func(), err error)
	// read returns what there is, and the time there: have itself when it is the same.
	read(ctx context.Context, have *approvalView) (*approvalView, time.Time, error)
	// write changes a view at once and for good, and returns what it has become: nil
	// when it was another already, or it is not before the time that the change names.
	write(ctx context.Context, from *approvalView, what *approvalChange) (*approvalView, error)
	// arguments returns the sealed arguments that belong to a view, by id: nil when
	// it was another already. Those that are missing are left out.
	arguments(ctx context.Context, of *approvalView, ids []string) (map[string]string, error)
}

// approvalView is what a home held at a time. It never changes.
type approvalView struct {
	version string            // no other view of this home has it
	run     string            // what was asked in another run may have been forgotten in part
	sealed  map[string]string // records by id
}

// approvalChange is what one operation does to a view.
type approvalChange struct {
	put       map[string]string // sealed records by id
	arguments map[string]string // sealed, of new ones
	drop      []string
	before    time.Time // zero: whenever
}

// with is what the change makes of a view.
func (v *approvalView) with(what *approvalChange, version string) *approvalView {
	next := &approvalView{version: version, run: v.run, sealed: make(map[string]string, len(v.sealed)+len(what.put))}
	maps.Copy(next.sealed, v.sealed)
	maps.Copy(next.sealed, what.put)
	for _, id := range what.drop {
		delete(next.sealed, id)
	}
	return next
}

// Approvals keeps the calls that wait for people's yes, and what became of them,
// in files for one gateway or in Redis for several (P8, POL-56). Each operation is
// atomic among all gateways that share the home, and on disk before it returns.
// What cannot be read, or does not open, refuses everything until it is repaired
// or removed.
//
// The time is that of the home. One that was once seen to have expired stays so,
// and every record is under a seal; but who can write the home can put an older
// record back, and with it a yes that was used. It is safe for concurrent use.
type Approvals struct {
	home  approvalHome
	seals approvalSeals
	turn  chan struct{} // holds a token: who has it talks to the home

	view *approvalView           // as it was last; nil: look at everything
	kept map[string]openApproval // what was in it
}

type openApproval struct {
	sealed string
	*keptApproval
}

// openApprovals reads what there is.
func openApprovals(ctx context.Context, home approvalHome, seals approvalSeals) (*Approvals, error) {
	s := &Approvals{home: home, seals: seals, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	if err := s.Healthy(ctx); err != nil {
		return nil, fmt.Errorf("opening approvals: %w", err)
	}
	return s, nil
}

// Ask returns the approval that the call of a has already: one that waits or is
// granted, or one that was denied and would not have expired yet, so that nobody
// asks until somebody says yes. Else a becomes a new one, with an id and a time of
// its own. The errors are ErrApprovalLimit and ErrApprovalSize, before anything is
// written, those of a caller's faults, and ErrApprovals.
func (s *Approvals) Ask(ctx context.Context, a gate.Approval) (gate.Approval, error) {
	if err := checkAsked(&a); err != nil {
		return gate.Approval{}, fmt.Errorf("asking for an approval: %w", err)
	}
	return s.one(ctx, "asking for an approval", func(d *approvalsDraft) (string, error) {
		if k := d.standing(a.Binding); k != nil {
			if k.Requester != a.Requester {
				return "", errors.New("the approval of this call is another requester's")
			}
			return k.ID, nil
		}
		return d.add(a)
	})
}

// Grant adds one yes. It does not look at the approver's roles: its caller does.
// The errors are ErrNoApproval, ErrApprovalEnded, ErrOwnApproval, ErrNotOwn,
// ErrTwice, ErrApprovalGiven and ErrApprovals.
func (s *Approvals) Grant(ctx context.Context, id string, who gate.Consent) (gate.Approval, error) {
	return s.decide(ctx, "granting", id, func(k *keptApproval, now time.Time) (*keptApproval, error) {
		return k.granted(who, now)
	})
}

// Deny ends an approval that waits or is granted. The errors are ErrNoApproval,
// ErrApprovalEnded and ErrApprovals.
func (s *Approvals) Deny(ctx context.Context, id string, who gate.Consent) (gate.Approval, error) {
	return s.decide(ctx, "denying", id, func(k *keptApproval, now time.Time) (*keptApproval, error) {
		return k.denied(who, now)
	})
}

func (s *Approvals) decide(
	ctx context.Context, doing, id string, next func(*keptApproval, time.Time) (*keptApproval, error),
) (gate.Approval, error) {
	return s.one(ctx, doing, func(d *approvalsDraft) (string, error) {
		k := d.kept[id]
		if k == nil {
			return "", ErrNoApproval
		}
		changed, err := next(k, d.now)
		if err != nil {
			return "", err
		}
		d.change.before = k.Expires
		return id, d.put(changed)
	})
}

// Use uses the approval of a call. Of any number of callers, at any number of
// gateways, one gets used, and only when it is granted, has not expired and was
// never used. Without used the approval is what the call has, or had last, and
// zero when it never had one. With an error nothing may pass; it may be used up.
func (s *Approvals) Use(ctx context.Context, binding [32]byte) (a gate.Approval, used bool, err error) {
	return s.UseWhile(ctx, binding, nil)
}

// UseWhile is Use of the yeses that still count: that of somebody who has been let in
// no more since is dropped, and people are asked again. A nil still counts all.
func (s *Approvals) UseWhile(ctx context.Context, binding [32]byte, still func(*gate.Approval, gate.Consent) bool) (a gate.Approval, used bool, err error) {
	a, err = s.one(ctx, "using an approval", func(d *approvalsDraft) (string, error) {
		used = false // of a try that came to nothing
		k := d.standing(binding)
		if k == nil {
			k = d.last(binding)
		}
		if k != nil && still != nil && k.state(d.now) == gate.ApprovalGranted {
			next := *k
			next.Grants = slices.DeleteFunc(slices.Clone(k.Grants), func(g gate.Consent) bool { return !still(&k.Approval, g) })
			if len(next.Grants) < len(k.Grants) {
				return k.ID, d.put(&next)
			}
		}
		switch {
		case k == nil:
			return "", nil
		case k.state(d.now) != gate.ApprovalGranted:
			return k.ID, nil
		}
		next := *k
		next.Used = d.now
		d.change.before = k.Expires
		used = true
		return k.ID, d.put(&next)
	})
	if err != nil {
		return gate.Approval{}, false, err
	}
	return a, used, nil
}

// Get returns one approval, or ErrNoApproval.
func (s *Approvals) Get(ctx context.Context, id string) (gate.Approval, error) {
	return s.one(ctx, "reading an approval", func(d *approvalsDraft) (string, error) {
		if d.kept[id] == nil {
			return "", ErrNoApproval
		}
		return id, nil
	})
}

// List returns the live ones, those whose denial is in force, and those that ended
// within 24 h, but at most 1,000 of these; the newest first.
func (s *Approvals) List(ctx context.Context) ([]gate.Approval, error) {
	return s.do(ctx, "listing approvals", func(d *approvalsDraft) ([]string, error) {
		return d.list(), nil
	})
}

// Healthy tells whether approvals can be judged, for readiness.
func (s *Approvals) Healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, approvalWithin)
	defer cancel()
	done, err := s.begin(ctx)
	if err == nil {
		defer done()
		_, err = s.look(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrApprovals, err)
	}
	return nil
}

// Close waits for an operation that is under way. Those after it are refused.
func (s *Approvals) Close() error {
	if _, open := <-s.turn; open {
		close(s.turn)
	}
	return nil
}

// one is do for at most one approval.
func (s *Approvals) one(ctx context.Context, doing string, edit func(*approvalsDraft) (string, error)) (gate.Approval, error) {
	all, err := s.do(ctx, doing, func(d *approvalsDraft) ([]string, error) {
		id, err := edit(d)
		if err != nil || id == "" {
			return nil, err
		}
		return []string{id}, nil
	})
	if err != nil || len(all) == 0 {
		return gate.Approval{}, err
	}
	return all[0], nil
}

// do reads, edits and writes until nobody was faster, and returns the approvals
// that edit names. An edit that refuses has changed nothing; what was found to have
// expired is written all the same.
func (s *Approvals) do(ctx context.Context, doing string, edit func(*approvalsDraft) ([]string, error)) ([]gate.Approval, error) {
	ctx, cancel := context.WithTimeout(ctx, approvalWithin)
	defer cancel()
	unknown := func(err error) error { return fmt.Errorf("%s: %w: %w", doing, ErrApprovals, err) }
	done, err := s.begin(ctx)
	if err != nil {
		return nil, unknown(err)
	}
	defer done()
	for range approvalTries {
		d, err := s.look(ctx)
		if err != nil {
			return nil, unknown(err)
		}
		ids, refusal := edit(d)
		all, current, err := s.whole(ctx, d, ids)
		if err == nil && current {
			current, err = s.commit(ctx, d)
		}
		switch {
		case err != nil:
			return nil, unknown(err)
		case !current:
			continue
		case refusal != nil:
			return nil, fmt.Errorf("%s: %w", doing, refusal)
		}
		return all, nil
	}
	return nil, unknown(fmt.Errorf("other gateways were faster %d times", approvalTries))
}

// begin waits for the turn and the lock.
func (s *Approvals) begin(ctx context.Context) (done func(), err error) {
	select {
	case _, open := <-s.turn:
		if !open {
			return nil, errors.New("they are closed")
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	unlock, err := s.home.lock()
	if err != nil {
		s.turn <- struct{}{}
		return nil, err
	}
	return func() { unlock(); s.turn <- struct{}{} }, nil
}

// look reads the home and opens what is new in it.
func (s *Approvals) look(ctx context.Context) (*approvalsDraft, error) {
	view, now, err := s.home.read(ctx, s.view)
	if err != nil {
		return nil, err
	}
	if err := s.adopt(view); err != nil {
		return nil, err
	}
	return newApprovalsDraft(s, now)
}

// adopt opens what is new in a view.
func (s *Approvals) adopt(view *approvalView) error {
	if view == s.view {
		return nil
	}
	s.view = nil // until everything has been opened
	kept := make(map[string]openApproval, len(view.sealed))
	for id, sealed := range view.sealed {
		o := s.kept[id]
		if o.keptApproval == nil || o.sealed != sealed {
			opened, err := s.seals.open(id, sealed)
			if err != nil {
				return err
			}
			o = openApproval{sealed, opened}
		}
		kept[id] = o
	}
	s.view, s.kept = view, kept
	return nil
}

// whole returns approvals of a draft with their arguments. current is false when
// the home has changed since.
func (s *Approvals) whole(ctx context.Context, d *approvalsDraft, ids []string) (all []gate.Approval, current bool, err error) {
	old := slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return d.kept[id].size == 0 || d.change.arguments[id] != ""
	})
	sealed := map[string]string{}
	if len(old) > 0 {
		if sealed, err = s.home.arguments(ctx, d.from, old); err != nil || sealed == nil {
			return nil, false, err
		}
	}
	for _, id := range ids {
		k := d.kept[id]
		var arguments []byte
		if k.size > 0 {
			text := sealed[id]
			if added := d.change.arguments[id]; added != "" {
				text = added
			}
			if arguments, err = s.seals.openArguments(k, text); err != nil {
				return nil, false, err
			}
		}
		all = append(all, k.shown(d.now, arguments))
	}
	return all, true, nil
}

// commit writes what a draft changes.
func (s *Approvals) commit(ctx context.Context, d *approvalsDraft) (done bool, err error) {
	d.prune()
	if len(d.change.put) == 0 && len(d.change.drop) == 0 {
		return true, nil
	}
	next, err := s.home.write(ctx, d.from, &d.change)
	if err != nil || next == nil {
		return false, err
	}
	return true, s.adopt(next)
}
