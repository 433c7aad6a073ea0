package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// The bounds that the drill holds the gateways to: ALR-01 and P14 of the threat model.
const (
	alertWithin   = 10 * time.Second
	containWithin = 5 * time.Second
	otherWithin   = 30 * time.Second // reports, bundles: nobody promises a time
)

// Options is what the command line passes on.
type Options struct {
	Out     io.Writer // a line for every step, as it ends; nil: none
	Log     io.Writer // the gateways' own log
	Version string
	Keep    string // directory to make for reports and bundles; empty: they go with the rest
}

// Step is one thing that had to happen, in time.
type Step struct {
	Exercise string `json:"exercise"`
	Step     string `json:"step"`
	OK       bool   `json:"ok"`
	Took     int64  `json:"took_ms"`
	Bound    int64  `json:"bound_ms"`
	Fault    string `json:"fault,omitempty"`
}

// Result is what the drill came to.
type Result struct {
	OK    bool   `json:"ok"`
	Steps []Step `json:"steps"`
}

// Run stages the exercises one after the other. The error says why they could not be
// staged; whether the gateways did what they must is in the result. It leaves nothing
// running, and nothing on disk but what Options.Keep names.
func Run(ctx context.Context, o Options) (res Result, err error) {
	dir, err := os.MkdirTemp("", "doorward-drill-")
	if err != nil {
		return res, fmt.Errorf("making a directory for the drill: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.Keep != "" {
		if err := os.Mkdir(o.Keep, 0o700); err != nil {
			return res, fmt.Errorf("making a directory for what is kept: %w", err)
		}
	}
	s := &stage{Options: o, dir: dir}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		return res, err
	}
	for _, e := range exercises() {
		s.play(ctx, &e)
	}
	s.verified(ctx)
	res = Result{OK: true, Steps: s.steps}
	for _, step := range s.steps {
		res.OK = res.OK && step.OK
	}
	return res, nil
}

// step does one thing, and takes down how long it took and whether that was in time.
// It tells whether it went well.
func (s *stage) step(ctx context.Context, what string, within time.Duration, do func(context.Context) error) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	began := time.Now()
	err := do(ctx)
	took := time.Since(began)
	if err == nil && took > within {
		err = errors.New("it took too long")
	}
	one := Step{Exercise: s.exercise, Step: what, OK: err == nil, Took: took.Milliseconds(), Bound: within.Milliseconds()}
	if err != nil {
		one.Fault = err.Error()
	}
	s.steps = append(s.steps, one)
	s.say(&one)
	return one.OK
}

func (s *stage) say(one *Step) {
	if s.Out == nil {
		return
	}
	mark := "ok  "
	if !one.OK {
		mark = "FAIL"
	}
	_, _ = fmt.Fprintf(s.Out, "  %s %-60s %7.3f s of %g s\n", mark, one.Step, float64(one.Took)/1000, float64(one.Bound)/1000)
	if one.Fault != "" {
		_, _ = fmt.Fprintf(s.Out, "         %s\n", one.Fault)
	}
}
