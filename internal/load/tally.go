package load

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// maxNames bounds the kinds of failures that are told apart; the others are counted together.
const maxNames = 64

// maxText bounds what is kept of a server's own words, in bytes.
const maxText = 200

// digits is how exact a histogram is: three significant ones.
const digits = 3

// kind is one operation in one era.
type kind struct {
	operation string
	era       Era
}

// tally counts what came of operations, and how long those took that had a result.
type tally struct {
	mu     sync.Mutex
	order  []kind
	of     map[kind]*hdrhistogram.Histogram // in µs
	failed map[kind]int64
	names  map[string]*Failure
}

func newTally(o *Options) *tally {
	t := &tally{of: map[kind]*hdrhistogram.Histogram{}, failed: map[kind]int64{}, names: map[string]*Failure{}}
	for _, s := range o.Mix {
		for _, era := range o.Eras {
			k := kind{s.Operation, era}
			t.order = append(t.order, k)
			t.of[k] = newHistogram()
		}
	}
	return t
}

// newHistogram counts up to the longest timeout and as much again, which waiting for a turn
// may take; what takes longer counts as that.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, int64(2*maxTimeout/time.Microsecond), digits)
}

func (t *tally) add(operation string, era Era, took time.Duration, err error) {
	k := kind{operation, era}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.failed[k]++
		t.name(err)
		return
	}
	h := t.of[k]
	_ = h.RecordValue(min(max(took.Microseconds(), 1), h.HighestTrackableValue())) // within its bounds
}

// name counts a failure by its name. mu is held.
func (t *tally) name(err error) {
	name, text := nameOf(err)
	name, text = strings.ToValidUTF8(name[:min(len(name), maxText)], ""), strings.ToValidUTF8(text[:min(len(text), maxText)], "")
	f := t.names[name]
	if f == nil && len(t.names) >= maxNames {
		name, text = "others", "of more names than are told apart"
		f = t.names[name]
	}
	if f == nil {
		f = &Failure{Name: name, First: text}
		t.names[name] = f
	}
	f.Count++
}

func nameOf(err error) (name, text string) {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.name, f.text
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout", "no answer in time"
	case errors.Is(err, errGone):
		return "session gone", "the new one as well"
	}
	return "connection", err.Error()
}

// counts are the operations so far: with a result, and without.
func (t *tally) counts() (done, failed int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.order {
		done += t.of[k].TotalCount()
		failed += t.failed[k]
	}
	return done, failed
}
