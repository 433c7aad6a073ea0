package monitor

import (
	"hash/maphash"
	"time"

	"doorward/internal/gate"
)

func repeatedCalls() rule {
	return rule{
		name: "repeated_calls", text: "the same call is made again and again",
		limit: func(s *Settings) Limit { return s.RepeatedCalls }, subject: callerOf,
	}
}

// maxLoops bounds how many different calls are counted at a time, about 3 MB. The one that
// was made longest ago leaves first.
const maxLoops = 16384

// loopKey is a call with its arguments, of one principal.
type loopKey struct {
	who  profileKey
	call uint64
}

// loop is how often a call was made since it was first made within the window.
type loop struct {
	began time.Duration
	times int64
}

// repeat counts calls that are alike: of one principal, of one tool or prompt, with the
// same arguments, whatever came of them. As many as the limit within its time count for
// the principal at once, so that different calls never add up (RES-35: an agent that
// goes round in a circle).
func (w *Watch) repeat(e *Event) {
	limit := w.set.RepeatedCalls
	if !limit.on() || e.Kind != "" || e.Who == nil || e.Tool == "" || e.Call == 0 {
		return
	}
	key := loopKey{w.key.principal(e.Who.Key()), e.Call}
	l, ok := w.loops.get(key)
	if !ok {
		l = &loop{began: w.now}
		w.loops.put(key, l)
	}
	if w.now-l.began >= limit.Per {
		*l = loop{began: w.now}
	}
	if l.times++; l.times < limit.N {
		return
	}
	*l = loop{began: w.now}
	s, _ := principalOf(e)
	w.byName[repeatedCalls().name].counter.hit(s, limit.N, e, w.now)
}

// unrepeat forgets the calls of a principal.
func (w *Watch) unrepeat(who profileKey) {
	var theirs []loopKey
	w.loops.all(func(key loopKey, _ *loop) {
		if key.who == who {
			theirs = append(theirs, key)
		}
	})
	for _, key := range theirs {
		w.loops.remove(key)
	}
}

// hashed is how many bytes of a call's arguments tell it from others, with how many there are.
const hashed = 64 << 10

// Alike is Event.Call of an exchange; 0 while the rule is off, for it costs a hash.
func (m *Monitor) Alike(ex *gate.Exchange) uint64 {
	if !m.cfg.Settings().RepeatedCalls.on() {
		return 0
	}
	return alike(ex)
}

// alike is the same number for calls of one tool or prompt with the same arguments, in
// this process alone. It is 0 for what is no such call: asking again how a task is, or for
// completions as somebody types, is no circle.
func alike(ex *gate.Exchange) uint64 {
	it, m := ex.Target.Item, ex.Call.Message
	if it == nil || m == nil || ex.Call.Route.Task || m.Method != "tools/call" && m.Method != "prompts/get" {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.WriteString(ex.Target.Upstream)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(it.Name)
	_ = h.WriteByte(byte(it.Kind))
	if span, ok := m.Field("arguments"); ok {
		arguments := m.Bytes(span)
		maphash.WriteComparable(&h, len(arguments))
		_, _ = h.Write(arguments[:min(len(arguments), hashed)])
	}
	return h.Sum64()
}

//nolint:gochecknoglobals // made once; nobody writes to it
var seed = maphash.MakeSeed()
