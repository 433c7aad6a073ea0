package mcp

import (
	"encoding/json"
	"strconv"
	"time"

	"doorward/internal/gate"
)

// The members of a cacheable result (2026-07-28, caching; SEP-2549).
const (
	fieldTTL   = "ttlMs"
	fieldScope = "cacheScope"
)

// Lifetime is for how long, and for whom, an answer may be kept: at most the time
// given, and for others than who asked only where it says in so many words that it is
// public. It is 0 for what may not be kept at all: a failure, a tool's result that says
// that it failed, one that asks for input or is a task, and one that says nothing of how
// long, nothing positive, or nothing that is a number. The upstream adapter calls it.
func Lifetime(m *gate.Message, most time.Duration) (ttl time.Duration, public bool) {
	if !isWhole(m) {
		return 0, false
	}
	if at, ok := m.Field("isError"); ok && string(m.Bytes(at)) != "false" {
		return 0, false
	}
	at, ok := m.Field(fieldTTL)
	var ms float64
	if !ok || json.Unmarshal(m.Bytes(at), &ms) != nil || ms < 1 {
		return 0, false
	}
	return time.Duration(min(ms, float64(most.Milliseconds()))) * time.Millisecond, isPublic(m)
}

// isWhole tells whether a result is all that is asked for: it asks for no input, and is no
// task, whose ttlMs is another thing.
func isWhole(m *gate.Message) bool {
	if m.Kind != gate.Result {
		return false
	}
	if at, ok := m.Field(fieldResultType); ok && string(m.Bytes(at)) != `"complete"` {
		return false
	}
	for _, name := range [...]string{fieldRequests, fieldState, "task", "taskId"} {
		if _, ok := m.Field(name); ok {
			return false
		}
	}
	return true
}

func isPublic(m *gate.Message) bool {
	at, ok := m.Field(fieldScope)
	return ok && string(m.Bytes(at)) == `"public"`
}

// Private is a result as it may go to one principal: policy has decided for them, and
// perhaps not for others, so who keeps it may not give it to others (2026-07-28,
// caching: what varies by authorization must not be public), and for no longer than most,
// after which policy may decide otherwise. It is m itself where that says neither. The
// upstream adapter calls it.
func Private(m *gate.Message, most time.Duration) (*gate.Message, error) {
	if m.Kind != gate.Result {
		return m, nil
	}
	at, ok := m.Field(fieldScope)
	shared := ok && string(m.Bytes(at)) != `"private"`
	ms, long := bounded(m, most.Milliseconds())
	if !shared && !long {
		return m, nil
	}
	p := codec(m).Patch()
	if shared {
		p.SetField(fieldScope, []byte(`"private"`))
	}
	if long {
		p.SetField(fieldTTL, strconv.AppendInt(nil, ms, 10))
	}
	return reread(m, p)
}

// bounded is the ttlMs of a result in the place of one that is more than most, or that is no
// time, which is none; false where it may stay.
func bounded(m *gate.Message, most int64) (int64, bool) {
	at, ok := m.Field(fieldTTL)
	if !ok || !isWhole(m) {
		return 0, false
	}
	text := string(m.Bytes(at))
	if !isNumber(text) || text[0] == '-' {
		return 0, true
	}
	ms, err := strconv.ParseFloat(text, 64)
	return most, err != nil || ms > float64(most) // an error is that of a larger one than there can be
}

// Kept is a result that is kept: with bytes of its own, and with a ttlMs, where it has
// one, that Aged can make shorter. The upstream adapter calls it.
func Kept(m *gate.Message, ttl time.Duration) (*gate.Message, error) {
	p := codec(m).Patch()
	if _, ok := m.Field(fieldTTL); ok {
		p.SetField(fieldTTL, strconv.AppendInt(nil, ttl.Milliseconds(), 10))
	}
	return reread(m, p)
}

// Aged is a message that Kept has made, for which so much of its time is left: who reads
// it may keep it for no longer than that. Spaces fill the place of digits that it has
// less, so everything else stays where it is. A message without ttlMs is given as it is.
func Aged(m *gate.Message, left time.Duration) *gate.Message {
	at, ok := m.Field(fieldTTL)
	if !ok {
		return m
	}
	out := *m
	out.Raw = append(make([]byte, 0, len(m.Raw)), m.Raw...)
	put := out.Raw[at.Start:at.End]
	digits := len(strconv.AppendInt(put[:0:len(put)], max(0, left.Milliseconds()), 10))
	for i := digits; i < len(put); i++ {
		put[i] = ' '
	}
	return &out
}
