package load

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// run is one run of all clients.
type run struct {
	o       *Options
	web     *http.Client
	info    string // clientInfo
	meta    string // of each stateless request
	call    string // the parameters of a call
	weights int    // of the mix, together
	began   time.Time
	counted time.Time // what was due before is not
	tally   *tally
	renewed atomic.Int64 // sessions
	missed  atomic.Int64 // operations that were due and not begun
	fatal   context.CancelCauseFunc
}

// Run puts the load on and reports what came of it. Its errors are options that no run can be
// made of (ErrUsage), a server that cannot be reached, and an answer that belongs to another
// request. A ctx that ends in the middle ends the run, and the report says so.
func Run(ctx context.Context, o Options) (*Report, error) {
	at, err := o.check()
	if err != nil {
		return nil, err
	}
	r := &run{o: &o, web: newWeb(&o), tally: newTally(&o)}
	defer r.web.CloseIdleConnections()
	if err := reachable(ctx, r.web, hostPort(at)); err != nil {
		return nil, err
	}
	if r.info, err = info(o.Version); err != nil {
		return nil, err
	}
	r.meta = meta(r.info)
	name, err := json.Marshal(o.Tool)
	if err != nil {
		return nil, err
	}
	r.call = `"name":` + string(name) + `,"arguments":` + string(o.Arguments)
	for _, s := range o.Mix {
		r.weights += s.Weight
	}
	return r.all(ctx)
}

// hostPort is where a URL leads.
func hostPort(at *url.URL) string {
	port := at.Port()
	switch {
	case port != "":
	case at.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(at.Hostname(), port)
}

// all has every client at work until the time is over, and waits for all of them.
func (r *run) all(ctx context.Context) (*Report, error) {
	working, cancel := context.WithCancelCause(ctx) // ends what is under way
	defer cancel(nil)
	r.fatal = cancel
	r.began = time.Now()
	r.counted = r.began.Add(r.o.WarmUp)
	beginning, stop := context.WithDeadline(working, r.counted.Add(r.o.For)) // ends what is begun
	defer stop()
	var clients, telling sync.WaitGroup
	for i := range r.o.Clients {
		c := &client{run: r, number: i, era: r.o.Eras[i%len(r.o.Eras)]}
		clients.Go(func() { c.work(beginning, working) })
	}
	if r.o.Progress != nil {
		telling.Go(func() { r.tell(beginning) })
	}
	<-beginning.Done()
	telling.Wait()
	ended := min(time.Since(r.counted), r.o.For)
	clients.Wait()
	if err := context.Cause(working); err != nil && errors.Is(err, errForeign) {
		return nil, err
	}
	return r.report(max(ended, 0), ctx.Err() != nil), nil
}

// work makes one operation after the other while they may be begun. What is under way then is
// waited for, at most its timeout.
func (c *client) work(beginning, working context.Context) {
	when := c.run.dues(c.number)
	for {
		due, ok := when.wait(beginning)
		if !ok {
			break
		}
		operation := c.run.pick()
		c.next, c.resting = when.after(), 0
		err := c.do(working, operation)
		if working.Err() != nil {
			break // it was ended, which says nothing of the server
		}
		if errors.Is(err, errForeign) {
			c.run.fatal(err)
			break
		}
		if !due.Before(c.run.counted) {
			c.run.tally.add(operation, c.era, time.Since(due)-c.resting, err)
		}
		if _, answered := errors.AsType[*failure](err); err != nil && !answered {
			pause(beginning, lull)
		}
	}
	if end, has := beginning.Deadline(); has {
		if now := time.Now(); now.Before(end) { // it was interrupted
			end = now
		}
		c.run.missed.Add(when.left(end))
	}
	c.aside.end()
	parting, cancel := context.WithTimeout(context.WithoutCancel(working), time.Second)
	defer cancel()
	c.leave(parting)
}

// lull is how long a client waits that had no answer: a server that is not there is not asked
// as fast as it can be refused.
const lull = 50 * time.Millisecond

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// pick is an operation of the mix, by its weight.
func (r *run) pick() string {
	n := rand.IntN(r.weights) //nolint:gosec // chance, not secrecy
	for _, s := range r.o.Mix {
		if n -= s.Weight; n < 0 {
			return s.Operation
		}
	}
	return r.o.Mix[0].Operation
}

// Progress is what has come of a run so far.
type Progress struct {
	Passed, Of time.Duration // of the measured time
	Done       int64         // operations with a result
	Failed     int64
}

// tell tells once a second how far it is.
func (r *run) tell(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			done, failed := r.tally.counts()
			r.o.Progress(Progress{max(0, time.Since(r.counted)), r.o.For, done, failed})
		case <-ctx.Done():
			return
		}
	}
}
