package anchor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"doorward/internal/gate"
)

// Anchor is a place and how it is used. All of it is required but Every.
type Anchor struct {
	Name  string // in metrics and events
	Place Place
	Every time.Duration // the least between two checkpoints; 0: every one
}

// Config is what a Keeper is made of. Log, Every, AlertAfter, Record and Said are
// required.
type Config struct {
	Log       Log
	Witnesses []*Witness
	// Quorum is how many witnesses must have cosigned a checkpoint before Keep gets it;
	// while fewer do, it is told after AlertAfter.
	Quorum  int
	Anchors []Anchor
	Every   time.Duration // between two checkpoints
	// AlertAfter is how long an anchor, or the quorum, may fail before it is told.
	AlertAfter time.Duration
	// Keep gets the newest checkpoint with its cosignatures; may be nil.
	Keep   func(note string) error
	Record func(context.Context, gate.Event) error // writes an event to the audit log
	Said   *slog.Logger
}

// Keeper takes checkpoints outside. Its owner calls Begin, Start once and Close in the
// end; it is safe for concurrent use.
type Keeper struct {
	cfg    Config
	all    []*outpost // witnesses, then anchors
	stop   chan struct{}
	cancel context.CancelFunc
	wg     sync.WaitGroup
	closed sync.Once

	rounds sync.Mutex // one round at a time; guards the rest
	newest Checkpoint // with the cosignatures so far
	kept   string     // what Keep got last
}

// New makes a Keeper. It asks nobody yet.
func New(c Config) (*Keeper, error) {
	if c.Log == nil || c.Every <= 0 || c.AlertAfter <= 0 || c.Record == nil || c.Said == nil {
		return nil, errors.New("anchor: log, times, record and logger are required")
	}
	if c.Quorum < 0 || c.Quorum > len(c.Witnesses) || c.Quorum == 0 && len(c.Witnesses) > 0 {
		return nil, fmt.Errorf("anchor: of %d witnesses %d cannot be required", len(c.Witnesses), c.Quorum)
	}
	k := &Keeper{cfg: c, stop: make(chan struct{}), cancel: func() {}}
	for _, w := range c.Witnesses {
		if w == nil {
			return nil, errors.New("anchor: a witness is missing")
		}
		k.all = append(k.all, &outpost{name: w.Name(), witness: w})
	}
	for _, a := range c.Anchors {
		if a.Name == "" || a.Place == nil {
			return nil, errors.New("anchor: an anchor needs a name and a place")
		}
		k.all = append(k.all, &outpost{name: a.Name, place: a.Place, every: a.Every})
	}
	for i, o := range k.all {
		if slices.ContainsFunc(k.all[:i], func(other *outpost) bool { return other.name == o.name }) {
			return nil, fmt.Errorf("anchor %q: there are two of this name", o.name)
		}
	}
	return k, nil
}

// Begin asks everybody outside what they have seen of the log. A *Misfit says that one
// of them has seen another. Who cannot be asked is no reason to stop. Each request has
// a time of its own; to hold the log against what they say has none, however long the
// log is: a comparison that is given up would let another log pass.
func (k *Keeper) Begin(ctx context.Context) error {
	if len(k.all) == 0 {
		return nil
	}
	c, err := k.cfg.Log.Newest(ctx)
	if err != nil {
		return err
	}
	found := make([]error, len(k.all))
	for i, o := range k.all { // before any of them gets another checkpoint
		found[i] = k.compare(ctx, o, &c)
	}
	if _, err := k.round(ctx, witnesses); err != nil {
		return err
	}
	var errs []error
	for i, o := range k.all {
		k.note(ctx, o, found[i]) // not before: it makes the log longer than the one that was compared
		if m := o.stand().misfit; m != nil {
			errs = append(errs, m)
		}
	}
	return errors.Join(errs...)
}

// Start takes every checkpoint outside, until Close or the end of ctx.
func (k *Keeper) Start(ctx context.Context) {
	if len(k.all) == 0 {
		return
	}
	ctx, k.cancel = context.WithCancel(ctx)
	k.wg.Go(func() { k.run(ctx) })
}

func (k *Keeper) run(ctx context.Context) {
	round := time.NewTicker(k.cfg.Every)
	defer round.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		who := failing
		select {
		case <-ctx.Done():
			return
		case <-k.stop:
			_, _ = k.round(ctx, everybody) // it has said what failed
			return
		case <-round.C:
			who = whoeverIsDue
		case <-look.C:
		}
		if who == whoeverIsDue || k.retries(time.Now()) {
			_, _ = k.round(ctx, who) // it has said what failed
		}
		k.judge(ctx, time.Now())
	}
}

// lookEvery is how often it is looked whether somebody is to be tried again, or has
// failed for too long.
const lookEvery = time.Second

// Close takes the end of the log outside as long as ctx lasts, and ends.
func (k *Keeper) Close(ctx context.Context) {
	k.closed.Do(func() {
		close(k.stop)
		done := make(chan struct{})
		go func() {
			k.wg.Wait()
			close(done)
		}()
		select {
		case <-done:
		case <-ctx.Done():
		}
		k.cancel()
		<-done
	})
}

// Now takes a checkpoint of everything on record outside at once, and returns it with
// the cosignatures that it got.
func (k *Keeper) Now(ctx context.Context) (Checkpoint, error) {
	return k.round(ctx, everybody)
}

// Which of those outside a round is for.
const (
	whoeverIsDue = iota
	failing      // those to be tried again
	everybody    // all that do not have the newest yet
	witnesses    // those among them
)

// round makes a checkpoint, has it cosigned, and then hands it to the anchors.
func (k *Keeper) round(ctx context.Context, who int) (Checkpoint, error) {
	k.rounds.Lock()
	defer k.rounds.Unlock()
	c, err := k.cfg.Log.Newest(ctx)
	if err != nil {
		k.cfg.Said.ErrorContext(ctx, "no checkpoint to take outside", "error", err)
		return Checkpoint{}, err
	}
	if k.newest.same(&c) {
		c.Note = k.newest.Note
	}
	now := time.Now()
	lines := make([]string, len(k.all))
	var asking sync.WaitGroup
	plain := c
	plain.Note = k.plain(&c)
	for i, o := range k.all {
		if o.witness != nil && o.due(&c, now, who) {
			asking.Go(func() { lines[i] = k.visit(ctx, o, plain) })
		}
	}
	asking.Wait()
	c.Note += strings.Join(lines, "")
	k.newest = c
	k.keep(ctx, &c)
	for _, o := range k.all {
		if o.witness == nil && o.due(&c, now, who) {
			asking.Go(func() { k.visit(ctx, o, c) })
		}
	}
	asking.Wait()
	return c, nil
}

// plain is a note with the log's own signature alone.
func (k *Keeper) plain(c *Checkpoint) string {
	head, signatures, _ := strings.Cut(c.Note, "\n\n")
	own, _, _ := strings.Cut(signatures, "\n")
	return head + "\n\n" + own + "\n"
}

// keep keeps the newest checkpoint that enough witnesses have cosigned.
func (k *Keeper) keep(ctx context.Context, c *Checkpoint) {
	n := 0
	for _, o := range k.all {
		if st := o.stand(); o.witness != nil && st.size == c.Size && st.misfit == nil {
			n++
		}
	}
	if k.cfg.Keep == nil || n == 0 || n < k.cfg.Quorum || c.Note == k.kept {
		return
	}
	if err := k.cfg.Keep(c.Note); err != nil {
		k.cfg.Said.ErrorContext(ctx, "a cosigned checkpoint was not kept", "error", err)
		return
	}
	k.kept = c.Note
}

// retries tells whether somebody who failed is to be tried again.
func (k *Keeper) retries(now time.Time) bool {
	return slices.ContainsFunc(k.all, func(o *outpost) bool {
		st := o.stand()
		return !st.failing.IsZero() && !now.Before(st.next)
	})
}
