package commands

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Bounds of what is told while a command runs. All of it stands in the answer, as far as that
// has room: what is left out here is lost to nobody. Nothing is told of a command that executes
// something else than what was approved by then.
const (
	tellEvery = 250 * time.Millisecond
	maxTold   = 4 << 10 // bytes of one message, before what is replaced
	maxLine   = 1 << 10 // bytes of a line; a longer one is cut
	maxTells  = 1000    // messages of one call
	tellShare = 10      // of the time, one part may go into asking whether a message may be told: a package has many files
)

// telling gathers lines between two messages.
type telling struct {
	mu      sync.Mutex
	pending []byte
	lines   int // so far, those that were left out too
	still   func() error
}

// began takes in how the command is asked whether it is what was approved.
func (t *telling) began(still func() error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.still = still
}

// believed tells whether what was gathered may be told.
func (t *telling) believed() bool {
	t.mu.Lock()
	still := t.still
	t.mu.Unlock()
	return still != nil && still() == nil
}

// add takes a line. Where a message has room for no more, it is left out.
func (t *telling) add(line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines++
	if len(t.pending)+len(line)+1 <= maxTold {
		t.pending = append(append(t.pending, line...), '\n')
	}
}

// take is what was gathered, and how many lines there were so far.
func (t *telling) take() (text string, lines int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text, _ = readable(bytes.TrimSuffix(t.pending, []byte("\n")))
	t.pending = t.pending[:0]
	return text, t.lines
}

// tell sends the lines of both outputs to a client that has asked for progress, until told is
// called, which waits for the last message. began is to be told that the command was started. A
// client that reads slowly gets fewer lines.
func tell(ctx context.Context, req *mcp.CallToolRequest, out *output) (began func(still func() error), told func()) {
	token := req.Params.GetProgressToken()
	if token == nil {
		return func(func() error) {}, func() {}
	}
	t, ended := &telling{}, make(chan struct{})
	out.stdout.lines, out.stderr.lines = t.cutter(), t.cutter()
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(tellEvery)
		defer tick.Stop()
		for sent, last := 0, false; sent < maxTells && !last; {
			select {
			case <-ended:
				last = true
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			text, lines := t.take()
			if text == "" {
				continue
			}
			asked := time.Now()
			if !t.believed() {
				return
			}
			tick.Reset(max(tellEvery, tellShare*time.Since(asked)))
			if req.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: token, Progress: float64(lines), Message: text}) != nil {
				return // who does not hear it reads the answer
			}
			sent++
		}
	})
	return t.began, func() { close(ended); wg.Wait() }
}

// cutter cuts what one goroutine writes into lines.
func (t *telling) cutter() func([]byte) {
	var line []byte
	return func(b []byte) {
		for len(b) > 0 {
			part, rest, whole := bytes.Cut(b, []byte("\n"))
			line = append(line, part[:min(len(part), maxLine-len(line))]...)
			if whole {
				t.add(line)
				line = line[:0]
			}
			b = rest
		}
	}
}
