package listen

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// replayFor is how long an event that reached a connection stays for a client
// that lost the connection with it. Clients come back within seconds (SEP-1699).
const replayFor = time.Minute

// maxEventID bounds a Last-Event-ID: a token of 16 characters, a dash and a
// number of up to 20.
const maxEventID = 40

// event is one message on a stream, kept for its client.
type event struct {
	stream *stream
	seq    uint64
	at     time.Time
	data   []byte
	soft   bool // a notification: the first to go when there is no room
}

// stream is one SSE stream of a session. It outlives the connections that carry
// it: a client that lost one comes back by GET with the last event's id.
// eventLog's mutex guards its fields.
type stream struct {
	token   string
	general bool   // the session's own, for messages outside calls
	seq     uint64 // of the newest event
	sent    uint64 // of the newest event that was written to a connection
	done    bool   // no event will follow
	kept    int    // events in the log
	holder  *holder
}

// id is the SSE event id of the stream's event seq. It holds a random token, so
// that nobody can name a stream that was not shown to them.
func (st *stream) id(seq uint64) string {
	return st.token + "-" + strconv.FormatUint(seq, 10)
}

// holder is a connection that carries a stream.
type holder struct {
	wake chan struct{} // an event was added, or the stream ended
	lost chan struct{} // another connection of the client carries the stream now
}

func newHolder() *holder {
	return &holder{wake: make(chan struct{}, 1), lost: make(chan struct{})}
}

// eventLog holds a session's events for delivery and for replay. It belongs to
// one session, so nothing in it can reach another principal (HTT-36).
type eventLog struct {
	limits *Limits
	total  *atomic.Int64 // bytes in all logs

	mu      sync.Mutex
	bytes   int
	closed  bool
	events  []event
	streams map[string]*stream
	general *stream
}

func (l *eventLog) init(limits *Limits, total *atomic.Int64) { l.limits, l.total = limits, total }

// open starts the stream of a call, carried by h.
func (l *eventLog) open(h *holder) *stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	st := l.add()
	st.holder = h
	return st
}

func (l *eventLog) add() *stream {
	st := &stream{token: newToken(12)}
	if l.streams == nil {
		l.streams = make(map[string]*stream)
	}
	l.streams[st.token] = st
	return st
}

// own is the session's general stream.
func (l *eventLog) own() *stream {
	if l.general == nil {
		l.general = l.add()
		l.general.general = true
	}
	return l.general
}

// append adds an event to a stream and reports its number and whether h carries
// the stream. Events without room are not kept: dropped counts them.
func (l *eventLog) append(st *stream, data []byte, h *holder) (seq uint64, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	st.seq++
	l.keep(event{stream: st, seq: st.seq, at: time.Now(), data: data})
	if h != nil && st.holder == h {
		st.sent = st.seq
		return st.seq, true
	}
	st.wake()
	return st.seq, false
}

// push adds an event to the general stream and reports how many were dropped
// for lack of room.
func (l *eventLog) push(data []byte, soft bool) (dropped int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	st := l.own()
	st.seq++
	dropped = l.keep(event{stream: st, seq: st.seq, at: time.Now(), data: data, soft: soft})
	st.wake()
	return dropped
}

func (st *stream) wake() {
	if st.holder == nil {
		return
	}
	select {
	case st.holder.wake <- struct{}{}:
	default: // it has not looked yet
	}
}

// keep makes room and stores e, and reports how many undelivered events of the
// general stream were lost to it.
func (l *eventLog) keep(e event) (lost int) {
	if l.closed || len(e.data) > l.limits.ReplayBytes {
		return general(e)
	}
	for len(l.events) >= l.limits.ReplayEvents || l.bytes+len(e.data) > l.limits.ReplayBytes {
		lost += l.remove(l.victim())
	}
	for len(l.events) > 0 && l.total.Load()+int64(len(e.data)) > l.limits.ReplayTotal {
		lost += l.remove(l.victim())
	}
	if l.total.Load()+int64(len(e.data)) > l.limits.ReplayTotal {
		return lost + general(e)
	}
	l.events = append(l.events, e)
	l.bytes += len(e.data)
	l.total.Add(int64(len(e.data)))
	e.stream.kept++
	return lost
}

// general is 1 for an undelivered event of the general stream.
func general(e event) int {
	if e.stream.general && e.seq > e.stream.sent {
		return 1
	}
	return 0
}

// victim is the event to give up: the oldest notification, else the oldest.
func (l *eventLog) victim() int {
	for i := range l.events {
		if l.events[i].soft {
			return i
		}
	}
	return 0
}

func (l *eventLog) remove(i int) (lost int) {
	e := l.events[i]
	l.events = append(l.events[:i], l.events[i+1:]...)
	l.events[:len(l.events)+1][len(l.events)] = event{} // let go of the bytes
	l.bytes -= len(e.data)
	l.total.Add(-int64(len(e.data)))
	e.stream.kept--
	l.retire(e.stream)
	return general(e)
}

// retire forgets a stream that has ended and has nothing left to replay.
func (l *eventLog) retire(st *stream) {
	if st.done && st.kept == 0 && !st.general {
		delete(l.streams, st.token)
	}
}

// finish ends the stream of a call.
func (l *eventLog) finish(st *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	st.done = true
	st.wake()
	l.retire(st)
}

// Why a GET cannot have a stream.
type refusal uint8

const (
	granted refusal = iota
	unknown         // the event id is not one of this session's
	taken           // another connection carries it
)

// hold lets h carry a stream: the one that last names, from the event after it
// on, or without last the general stream from the first unsent event on. Only
// whoever knows an event's id can take a stream over; the connection before is
// told (HTT-37).
func (l *eventLog) hold(last string, h *holder) (st *stream, after uint64, why refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last == "" {
		st = l.own()
		if st.holder != nil {
			return nil, 0, taken
		}
		st.holder = h
		return st, st.sent, granted
	}
	st, after, ok := l.find(last)
	if !ok {
		return nil, 0, unknown
	}
	if st.holder != nil {
		close(st.holder.lost)
	}
	st.holder = h
	return st, after, granted
}

func (l *eventLog) find(last string) (*stream, uint64, bool) {
	if len(last) > maxEventID {
		return nil, 0, false
	}
	at := strings.LastIndexByte(last, '-') // a token may hold dashes too
	if at < 0 {
		return nil, 0, false
	}
	st := l.streams[last[:at]]
	seq, err := strconv.ParseUint(last[at+1:], 10, 64)
	if st == nil || err != nil || seq > st.seq || st.id(seq) != last {
		return nil, 0, false
	}
	return st, seq, true
}

// next is what of the stream comes after an event, and whether the stream ended
// with it. Nothing, and true, for a holder that has lost the stream.
func (l *eventLog) next(st *stream, h *holder, after uint64) (batch []event, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if st.holder != h {
		return nil, true
	}
	for _, e := range l.events {
		if e.stream == st && e.seq > after {
			batch = append(batch, e)
		}
	}
	return batch, st.done
}

// wrote notes that h has written the stream up to seq.
func (l *eventLog) wrote(st *stream, h *holder, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if st.holder == h && seq > st.sent {
		st.sent = seq
	}
}

// release lets go of a stream; what comes now waits for the next connection.
func (l *eventLog) release(st *stream, h *holder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if st.holder == h {
		st.holder = nil
	}
}

// forget drops events that were written before a time. An event that reached
// nobody stays until there is no room.
func (l *eventLog) forget(before time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.events) - 1; i >= 0; i-- {
		e := &l.events[i]
		if e.at.Before(before) && e.seq <= e.stream.sent {
			l.remove(i)
		}
	}
}

func (l *eventLog) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.events) == 0
}

func (l *eventLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total.Add(-int64(l.bytes))
	l.closed = true
	l.bytes, l.events, l.streams, l.general = 0, nil, nil, nil
}
