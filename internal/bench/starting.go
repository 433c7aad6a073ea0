package main

import (
	"context"
	"fmt"
	"time"
)

// started is how long a target takes from the start of its process to its
// first right answers: medians.
type started struct {
	Target     string `json:"target"`
	Initialize figure `json:"initialize_ms"`
	Call       figure `json:"call_ms"`
}

// measureStarts starts each target several times, in alternation.
func (s *stand) measureStarts(ctx context.Context) ([]started, error) {
	s.say("timing the start")
	initialize := map[string][]float64{}
	call := map[string][]float64{}
	for range s.opts.starts {
		for _, name := range s.opts.targets {
			a, b, err := s.timeStart(ctx, name)
			if err != nil {
				return nil, err
			}
			initialize[name] = append(initialize[name], a)
			call[name] = append(call[name], b)
		}
	}
	var list []started
	for _, name := range s.opts.targets {
		list = append(list, started{Target: name, Initialize: middle(initialize[name]), Call: middle(call[name])})
	}
	return list, nil
}

// timeStart returns the milliseconds to the answered initialize and to the
// answered call of the session that it made.
func (s *stand) timeStart(ctx context.Context, name string) (toInitialize, toCall float64, err error) {
	launch := s.launch
	if name == direct {
		launch = func(string) (*target, error) { return s.launchUpstream() }
	}
	began := time.Now()
	t, err := launch(name)
	if err != nil {
		return 0, 0, err
	}
	defer s.stop(t)
	w, err := s.connect(ctx, t)
	if err != nil {
		return 0, 0, err
	}
	defer w.close()
	session, err := initialize(w, t.at)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", name, err)
	}
	toInitialize = milliseconds(began)
	if err := initialized(w, t.at, session); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", name, err)
	}
	c := newCall(t.at, stateful, session, 100)
	c.stamp(s.nextID())
	a, err := w.roundTrip(c.raw)
	if err == nil {
		err = c.check(a)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", name, err)
	}
	toCall = milliseconds(began)
	end(w, t.at, session)
	return toInitialize, toCall, nil
}

func milliseconds(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1e3 }
