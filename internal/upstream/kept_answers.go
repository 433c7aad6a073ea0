package upstream

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Bounds of the answers that are kept, of all upstreams together.
const (
	maxAnswers      = 32 << 20 // bytes, with answerCost for each: at most 32,768 answers
	maxAnswer       = 1 << 20  // bytes of one
	answerCost      = 1 << 10  // bytes, about what an answer takes beside its text
	maxRemembered   = 10_000   // questions of which is known whether their answers are kept
	maxAwaitingSame = 1_000    // calls that wait for the answer to one other
	maxAwaiting     = 4_096    // and for that to any
	memberCost      = 64       // bytes, about what a member of an answer takes beside its text
)

// answerKey is a question and who may be told the answer: a hash of both.
type answerKey [sha256.Size]byte

// keptAnswer is an upstream's answer, as its clients of one era read it.
type keptAnswer struct {
	m       *gate.Message // made by mcp.Kept
	from    string        // the exchange that brought it
	hello   *hello        // what its server said of itself
	until   time.Time
	version answerVersion
}

// answerVersion is how often what answers rest on had changed when one was asked for: of
// all upstreams (policy, principals), and of its own (pins, what it says has changed).
// An answer of a server that was replaced is nobody's any more.
type answerVersion struct {
	all, own uint64
	of       *server
}

// fate is what came of a question that others wait for, or what usually does.
type fate uint8

const (
	fateUnknown fate = iota // nothing, or the call failed
	fateNotKept             // an answer that is not kept
	fateOwn                 // one that is kept for the principal
	fatePublic              // one that is kept for everybody of the tenant
)

// asking is a question under way, for all who wait for its answer.
type asking struct {
	done    chan struct{}
	fate    fate // once done is closed
	waiting int  // mu of the answers guards it
}

// answers are those that are kept. Nothing in them works by itself: what is over time is
// not found, and the pool's sweep removes it.
type answers struct {
	kept    *otter.Cache[answerKey, *keptAnswer]
	usual   *otter.Cache[answerKey, fate]
	version atomic.Uint64

	mu      sync.Mutex
	open    map[answerKey]*asking
	waiting int // for any of them
}

func newAnswers() *answers {
	inline := func(work func()) { work() }
	return &answers{
		kept: otter.Must(&otter.Options[answerKey, *keptAnswer]{
			MaximumWeight: maxAnswers,
			Weigher:       func(_ answerKey, a *keptAnswer) uint32 { return weight(a.m) },
			Executor:      inline,
		}),
		usual: otter.Must(&otter.Options[answerKey, fate]{MaximumSize: maxRemembered, Executor: inline}),
		open:  map[answerKey]*asking{},
	}
}

// weight is about how many bytes an answer takes: a member may take more than its text.
func weight(m *gate.Message) uint32 {
	return uint32(len(m.Raw)+memberCost*(len(m.Fields)+len(m.Meta))) + answerCost //nolint:gosec // at most maxAnswer, and that many members
}

// holds tells whether the answer may still be given. A machine may have slept, for which only
// the clock on the wall went on, and that clock may have been set back.
func (had *keptAnswer) holds(now time.Time) bool {
	return now.Before(had.until) && now.Round(0).Before(had.until.Round(0))
}

// find is the answer to a question, nil where there is none that may be given now.
func (a *answers) find(q *lookup, now time.Time) *keptAnswer {
	for _, key := range [...]answerKey{q.own, q.public} {
		if had, ok := a.kept.GetIfPresent(key); ok && had.version == q.version && had.holds(now) {
			return had
		}
	}
	return nil
}

// enter makes the caller the one who asks, or tells for whom it may wait. Both are nil
// where it shall ask for itself: such answers are not kept, or too many wait.
func (a *answers) enter(q *lookup) (mine, other *asking) {
	key := q.own
	switch usual, _ := a.usual.GetIfPresent(q.public); {
	case usual == fateNotKept, usual == fateUnknown && !q.likely:
		return nil, nil
	case usual == fatePublic:
		key = q.public
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if o := a.open[key]; o != nil {
		if o.waiting >= maxAwaitingSame || a.waiting >= maxAwaiting {
			return nil, nil
		}
		o.waiting++
		a.waiting++
		return nil, o
	}
	o := &asking{done: make(chan struct{})}
	a.open[key], q.held = o, key
	return o, nil
}

// unwait takes off a call that enter let wait.
func (a *answers) unwait(o *asking) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o.waiting--
	a.waiting--
}

// leave tells those who wait what came of a question.
func (a *answers) leave(q *lookup, came fate) {
	if q.asking == nil {
		return
	}
	a.mu.Lock()
	delete(a.open, q.held)
	a.mu.Unlock()
	q.asking.fate = came
	close(q.asking.done)
	q.asking = nil
}

// put keeps an answer where it may be kept, and tells what became of it. shown is the
// answer as the client reads it.
func (a *answers) put(q *lookup, m, shown *gate.Message, h *hello) fate {
	ttl, public := mcp.Lifetime(m, maxTTL)
	until := q.asked.Add(ttl)
	if ttl <= 0 || m.Leaked || shown.Leaked || len(shown.Raw) > maxAnswer || !time.Now().Before(until) {
		return fateNotKept
	}
	own, err := mcp.Kept(shown, ttl)
	if err != nil {
		return fateNotKept
	}
	key, came := q.own, fateOwn
	if public && q.unfiltered {
		key, came = q.public, fatePublic
	}
	a.kept.Set(key, &keptAnswer{m: own, from: q.exchange, hello: h, until: until, version: q.version})
	return came
}

// forget makes every answer one that is given to nobody any more.
func (a *answers) forget() {
	a.version.Add(1)
	a.kept.InvalidateAll()
}

// expire removes what is over time, for its memory.
func (a *answers) expire(now time.Time) {
	for key, had := range a.kept.All() {
		if !had.holds(now) {
			a.kept.Invalidate(key)
		}
	}
}

// Kept is how many answers are kept, and how many bytes they take, for the metrics.
func (p *Pool) Kept() (answers int, bytes uint64) {
	return p.answers.kept.EstimatedSize(), p.answers.kept.WeightedSize()
}

// Forget lets no kept answer be given any more: the policy is another, or somebody is
// let in no more. App calls it.
func (p *Pool) Forget() { p.answers.forget() }
