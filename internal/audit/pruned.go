package audit

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxRanges bounds what Verify remembers of pruned ranges until it has met the records
// that say so: one for each segment and time that it was pruned.
const maxRanges = 1 << 17

// prunedKey names what was pruned of a segment at one time.
type prunedKey struct {
	segment int
	by      [32]byte
}

// prunedRange is what Verify knows of it.
type prunedRange struct {
	prunedKey
	first, last, count uint64
	before             time.Time // of the newest record that stayed before one of these
	said               uint64    // the record that says so; 0: none so far
	of                 []warrantClass
}

// absent is what Verify finds missing, and what the log says of it.
type absent struct {
	sets map[[32]byte]*prunedSet // of the segment that is being read
	met  map[prunedKey]*prunedRange
	now  time.Time // newest time of a record of the segment so far
}

// begin is called for each segment.
func (a *absent) begin() { a.sets, a.now = nil, time.Time{} }

// kept is told of each record that is there.
func (a *absent) kept(at time.Time) {
	if at.After(a.now) {
		a.now = at
	}
}

// take is told of each line that stands for pruned records.
func (a *absent) take(segment int, g *gap) error {
	key := prunedKey{segment, g.by}
	r := a.met[key]
	if r == nil {
		if len(a.met) >= maxRanges {
			return fmt.Errorf("more than %d ranges were pruned", maxRanges)
		}
		if a.met == nil {
			a.met = map[prunedKey]*prunedRange{}
		}
		r = &prunedRange{prunedKey: key, first: g.first}
		a.met[key] = r
	}
	set := a.sets[g.by]
	if set == nil {
		if a.sets == nil {
			a.sets = map[[32]byte]*prunedSet{}
		}
		set = newPrunedSet()
		a.sets[g.by] = set
	}
	for i, hash := range g.hashes {
		set.add(g.first+uint64(i), hash)
	}
	r.last, r.count, r.before = set.last, set.count, a.now
	return nil
}

// end is called behind each segment: what is missing of it is what its lines name.
func (a *absent) end() error {
	for by, set := range a.sets {
		if set.digest() != by {
			return fmt.Errorf("records %d to %d are missing, and %d of them are not those that were pruned", set.first, set.last, set.count)
		}
	}
	return nil
}

// learn looks whether a record says what was pruned.
func (a *absent) learn(r *Record) error {
	if r.Event != eventPruned || r.Kind != KindEvent {
		return nil
	}
	w, err := parseWarrant(r.Detail)
	if err != nil {
		return nil //nolint:nilerr // it says nothing, so that whatever is missing is missed
	}
	met := a.met[prunedKey{w.segment, w.by}]
	if met == nil || met.said != 0 {
		return nil // nobody did it, or it was said before
	}
	switch err := w.fits(r.Time); {
	case err != nil:
		return err
	case met.first != w.first || met.last != w.last || met.count != w.count || met.last >= r.Seq:
		return errors.New("what is missing is not what this record says that was pruned")
	case met.before.After(w.newest()):
		return fmt.Errorf("pruned records are younger than this record says: one before them is of %s", met.before.UTC().Format(time.RFC3339))
	}
	met.said, met.of = r.Seq, w.of
	return nil
}

// unsaid is the first of what is missing that no record says was pruned, which a
// checkpoint of so many records covers; nil: there is none.
func (a *absent) unsaid(proven uint64) *prunedRange {
	var first *prunedRange
	for _, r := range a.met {
		if (r.said == 0 || r.said > proven) && (first == nil || r.first < first.first) {
			first = r
		}
	}
	return first
}

// Pruned is what was pruned of a log.
type Pruned struct {
	Records uint64
	Ranges  int               // how often a segment was pruned
	Classes map[string]uint64 // records by class
	// Shortest is how long the class was kept for that was kept for the shortest time.
	Shortest time.Duration
}

// report sums up what is missing and accounted for.
func (a *absent) report() (p Pruned) {
	p.Classes = map[string]uint64{}
	for _, r := range a.met {
		if r.said == 0 {
			continue
		}
		p.Records += r.count
		p.Ranges++
		for _, c := range r.of {
			p.Classes[c.class.String()] += c.count
		}
		shortest := slices.MinFunc(r.of, func(a, b warrantClass) int { return int(a.keep - b.keep) }).keep
		if p.Shortest == 0 || shortest < p.Shortest {
			p.Shortest = shortest
		}
	}
	return p
}
