package sink

import (
	"context"
	"fmt"
	"time"

	"doorward/internal/gate"
)

// missedEvery is how long records that are gone from the log are counted before that is
// put on record, so that a new copy of a log that was pruned much does not fill it.
const missedEvery = time.Minute

// missed counts records that were gone from the log before a sink had them.
type missed struct {
	first, last, count uint64
	since              time.Time
}

func (m *missed) add(first, last uint64) {
	if m.count == 0 {
		m.first, m.since = first, time.Now()
	}
	m.last = last
	m.count += last - first + 1
}

// missed takes note of records that were gone before the sink, at a position, had them. Those
// that it may have had are on record already, as that.
func (s *sink) missed(at *position, first, last uint64) {
	if first = max(first, at.doubt+1); first <= last {
		s.gone.add(first, last)
	}
}

// freshEvery is how long a sink whose tries fail keeps hold of a segment. Pruning
// replaces segments, and the old one is on the disk as long as somebody has it open.
const freshEvery = time.Hour

// stale lets go of a segment that was opened long ago.
func (s *sink) stale() {
	if s.lines != nil && time.Since(s.opened) > freshEvery {
		s.letGo()
	}
}

// letGo begins again from the last record that was delivered.
func (s *sink) letGo() {
	s.lines.Close()
	s.lines, s.pending, s.bytes, s.gone = nil, nil, 0, missed{}
}

// tell puts on record what was missed, now or when it is time.
func (s *sink) tell(ctx context.Context, now bool) {
	m := &s.gone
	if m.count == 0 || !now && time.Since(m.since) < missedEvery {
		return
	}
	s.write(ctx, gate.Event{
		Kind: "audit.sink_gap", Actor: "doorward", Status: "failed",
		Detail: fmt.Sprintf("%s: records %d to %d are no longer in the log, %d of them", s.Name, m.first, m.last, m.count),
	})
	*m = missed{}
}
