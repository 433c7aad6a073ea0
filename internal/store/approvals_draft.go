package store

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"doorward/internal/gate"
)

// approvalsDraft is one operation on what a home holds: what it found, and what it
// is going to change.
type approvalsDraft struct {
	seals  approvalSeals
	from   *approvalView
	now    time.Time
	kept   map[string]*keptApproval // with what the draft changes
	change approvalChange
}

// newApprovalsDraft also ends what has expired, so that no clock that is set back
// brings it to life again, and what was asked in another run of the home: that it
// was used may have been forgotten (DUR-22).
func newApprovalsDraft(s *Approvals, now time.Time) (*approvalsDraft, error) {
	d := &approvalsDraft{
		seals: s.seals, from: s.view, now: now, kept: make(map[string]*keptApproval, len(s.kept)),
		change: approvalChange{put: map[string]string{}, arguments: map[string]string{}},
	}
	for id, o := range s.kept {
		d.kept[id] = o.keptApproval
	}
	for _, o := range s.kept {
		open := o.lapsed.IsZero() && o.Used.IsZero() && o.Denial == nil
		if !open || o.live(now) && o.run == d.from.run {
			continue
		}
		next := *o.keptApproval
		next.lapsed = now
		if err := d.put(&next); err != nil {
			return nil, err
		}
	}
	d.prune()
	return d, nil
}

// put seals a new or changed approval.
func (d *approvalsDraft) put(k *keptApproval) error {
	text, err := k.record()
	if err != nil {
		return err
	}
	if len(text) > maxRecord {
		return ErrApprovalSize
	}
	d.kept[k.ID] = k
	d.change.put[k.ID] = d.seals.seal(text, recordOf(k.ID))
	return nil
}

// standing is what the call has now: a denial that is in force before a yes, and
// that before what waits.
func (d *approvalsDraft) standing(binding [32]byte) *keptApproval {
	var found *keptApproval
	for _, k := range d.kept {
		switch {
		case k.Binding != binding:
		case k.denies(d.now):
			return k
		case k.live(d.now) && (found == nil || k.state(d.now) == gate.ApprovalGranted):
			found = k
		}
	}
	return found
}

// last is the newest that the call had.
func (d *approvalsDraft) last(binding [32]byte) *keptApproval {
	var found *keptApproval
	for _, k := range d.kept {
		if k.Binding == binding && (found == nil || newest(k, found) < 0) {
			found = k
		}
	}
	return found
}

// add makes a new approval of a, where there is room.
func (d *approvalsDraft) add(a gate.Approval) (id string, err error) {
	var live, denied, own, held int
	for _, k := range d.kept {
		switch {
		case k.live(d.now):
			live++
			if k.Requester == a.Requester {
				own++
			}
		case k.denies(d.now):
			denied++
		default:
			continue // makes room
		}
		held += k.size
	}
	// The last quarter is for those who have none waiting: a few who ask for much
	// must not keep everybody else from asking.
	if live >= maxLiveApprovals*3/4 && own > 0 || live >= maxLiveApprovals || denied >= maxLiveApprovals || own >= maxLiveOfOne || held+len(a.Arguments) > maxAllArguments {
		return "", ErrApprovalLimit
	}
	k := &keptApproval{Approval: a, size: len(a.Arguments), run: d.from.run}
	k.ID, k.Created, k.Expires, k.Arguments = newApprovalID(), d.now, a.Expires.Round(0).UTC(), nil
	k.Roles = slices.Clone(a.Roles)
	text, err := k.record()
	if err != nil {
		return "", err
	}
	if len(text) > maxAsked {
		return "", fmt.Errorf("%w: what is known of it is more than %d bytes", ErrApprovalSize, maxAsked)
	}
	if k.size > 0 {
		d.change.arguments[k.ID] = d.seals.seal(a.Arguments, argumentsOf(k.ID))
	}
	return k.ID, d.put(k)
}

// list is what there is, the newest first.
func (d *approvalsDraft) list() []string {
	var ids []string
	for _, k := range slices.SortedFunc(maps.Values(d.kept), newest) {
		ids = append(ids, k.ID)
	}
	return ids
}

// prune drops what ended long ago, and of the rest the oldest while there are too
// many or their arguments too large. A denial that is in force stays: without it
// the call could be asked about again.
func (d *approvalsDraft) prune() {
	var ended []*keptApproval
	count, held := 0, 0
	for _, k := range d.kept {
		if !k.live(d.now) {
			count++
			if !k.denies(d.now) {
				ended = append(ended, k)
			}
		}
		held += k.size
	}
	slices.SortFunc(ended, func(a, b *keptApproval) int {
		return cmp.Or(a.ended().Compare(b.ended()), -newest(a, b))
	})
	for _, k := range ended {
		if count <= maxEnded && held <= maxAllArguments && d.now.Sub(k.ended()) < keepEnded {
			break // those after it ended later
		}
		count--
		held -= k.size
		d.drop(k.ID)
	}
}

func newest(a, b *keptApproval) int {
	return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
}
