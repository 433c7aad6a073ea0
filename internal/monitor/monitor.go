package monitor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"doorward/internal/durable"
	"doorward/internal/gate"
)

// Bounds of what waits. Events wait for half a second at most; what there is no room
// for is counted, and told as missed.
const (
	maxWaiting = 8192 // events, about 2 MB
	wakeAt     = maxWaiting / 4
	maxRecords = 1024 // alerts that wait to be recorded
)

// How often it looks at what waits and at the time, and how often it saves what it
// has learned.
const (
	lookEvery = 500 * time.Millisecond
	saveEvery = 5 * time.Minute
)

// Config is what a Monitor is made of. All but Path and Key is required.
type Config struct {
	// Settings are those of now: the same pointer until there are others.
	Settings func() *Settings
	Pulse    func() Pulse
	// Raise is handed every alert. It must not wait for anything.
	Raise func(Alert)
	// Further is handed the alerts beyond ten of one rule, of which Raise is handed one
	// about all: each with its subject, and without an id or a record. It must not wait.
	Further func([]Alert)
	// Record writes an event to the audit log, and nowhere near the monitor again.
	Record func(context.Context, gate.Event) error
	// Path is where it is kept what principals do; empty: nowhere, and every start
	// begins anew.
	Path string
	Key  Key // of the names in it
	Log  *slog.Logger
}

// Monitor takes events from any number of goroutines and holds them to the rules in
// one of its own. Tell never waits for it.
type Monitor struct {
	cfg  Config
	wake chan struct{}

	mu      sync.Mutex // guards what waits
	waiting []Event
	missed  int64

	looking sync.Mutex // guards the watch
	watch   *Watch
	set     *Settings
	spare   []Event // the other half of waiting
	turn    uint64  // of what was to be saved last

	saving sync.Mutex // guards the file
	saved  uint64     // the turn that is in it

	records chan Alert
}

// New makes a Monitor. Its owner calls Run, once.
func New(c Config) (*Monitor, error) {
	if c.Settings == nil || c.Pulse == nil || c.Raise == nil || c.Further == nil || c.Record == nil || c.Log == nil {
		return nil, errors.New("monitor: settings, pulse, raise, further, record and log are required")
	}
	return &Monitor{cfg: c, wake: make(chan struct{}, 1), records: make(chan Alert, maxRecords)}, nil
}

// Tell takes an event, or counts it when too many wait.
func (m *Monitor) Tell(e *Event) {
	m.mu.Lock()
	if len(m.waiting) >= maxWaiting {
		m.missed++
		m.mu.Unlock()
		return
	}
	m.waiting = append(m.waiting, *e)
	n := len(m.waiting)
	m.mu.Unlock()
	if n == wakeAt {
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
}

// Run watches until ctx ends. Then it tells what it would have told later, and saves
// what it has learned.
func (m *Monitor) Run(ctx context.Context) {
	var wg sync.WaitGroup
	saves := make(chan learned, 1)
	wg.Go(func() {
		for what := range saves { // a disk that hangs must not stop the watch
			if err := m.save(what); err != nil {
				m.cfg.Log.Error("what principals do was not saved", "path", m.cfg.Path, "error", err)
			}
		}
	})
	wg.Go(func() {
		for a := range m.records { // nor must a log that does
			m.record(context.WithoutCancel(ctx), &a)
		}
	})
	m.begin()
	m.follow(ctx, saves)
	m.looking.Lock()
	m.look(time.Now())
	m.watch.Flush()
	m.raise(time.Now())
	what := m.toSave()
	m.looking.Unlock()
	if what.content != nil {
		saves <- what
	}
	close(saves)
	close(m.records)
	wg.Wait()
}

// follow looks at what waits, until ctx ends.
func (m *Monitor) follow(ctx context.Context, saves chan<- learned) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	saved := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-m.wake:
		}
		now := time.Now()
		m.looking.Lock()
		m.look(now)
		m.raise(now)
		if now.Sub(saved) >= saveEvery && len(saves) == 0 {
			saved = now
			if what := m.toSave(); what.content != nil {
				saves <- what
			}
		}
		m.looking.Unlock()
	}
}

// begin makes the watch, with what was learned before.
func (m *Monitor) begin() {
	m.looking.Lock()
	defer m.looking.Unlock()
	m.set = m.cfg.Settings()
	m.watch = NewWatch(m.set, time.Now(), m.cfg.Key)
	if m.cfg.Path == "" {
		return
	}
	content, err := readFile(m.cfg.Path)
	if err == nil {
		err = m.watch.Load(content)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.cfg.Log.Error("what principals do is learned anew", "path", m.cfg.Path, "error", err)
	}
}

// look holds what waits to the rules. Its caller holds looking.
func (m *Monitor) look(now time.Time) {
	defer func() {
		if p := recover(); p != nil { // a rule that fails must not end the gateway
			m.cfg.Log.Error("panic in a rule of the monitor", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	if set := m.cfg.Settings(); set != m.set {
		m.set = set
		m.watch.Set(set)
	}
	m.mu.Lock()
	events, lost := m.waiting, m.missed
	m.waiting, m.missed = m.spare[:0], 0
	m.mu.Unlock()
	m.spare = events
	for i := range events {
		m.watch.Take(&events[i])
	}
	clear(events) // lets go of what the exchanges hold
	if lost > 0 {
		m.watch.Missed(lost, now)
	}
	m.watch.Tick(now, m.cfg.Pulse())
}

// raise hands on the alerts that there are. Whom one is about is sealed on record and
// told to people; the log, which has no seal, does not say it. Its caller holds looking.
func (m *Monitor) raise(now time.Time) {
	if more := m.watch.Further(); len(more) > 0 {
		m.cfg.Further(more)
	}
	for _, a := range m.watch.Alerts() {
		a.ID = newID(now)
		m.cfg.Log.Warn("alert raised", "alert", a.ID, "rule", a.Rule, "kind", a.Subject.Kind)
		m.cfg.Raise(a)
		select {
		case m.records <- a:
		default:
			m.cfg.Log.Error("alert without a record, too many wait", "alert", a.ID)
		}
	}
}

// record puts an alert on record.
func (m *Monitor) record(ctx context.Context, a *Alert) {
	e := gate.Event{Kind: "alert.raised", Actor: "doorward", Upstream: a.Upstream, Status: statusOK}
	whom := a.Subject.Kind
	switch a.Subject.Kind {
	case OfPrincipal:
		e.Principal = &gate.Principal{Realm: a.Subject.Realm, Tenant: a.Subject.Tenant, Subject: a.Subject.Value}
	case OfAddress:
		text, _, _ := strings.Cut(a.Subject.Value, "/")
		e.Remote, _ = netip.ParseAddr(text) // one that is none is in the alert
	default:
		whom = strings.TrimSpace(whom + " " + gate.Visible(a.Subject.Value))
	}
	e.Detail = a.noted(whom)
	if len(a.Exchanges) > 0 {
		e.Exchange = a.Exchanges[0]
	}
	if err := m.cfg.Record(ctx, e); err != nil {
		m.cfg.Log.ErrorContext(ctx, "alert without a record", "alert", a.ID, "error", err)
	}
}

// learned is what is to be saved, and how many were before it.
type learned struct {
	content []byte
	turn    uint64
}

// toSave is what has changed; no content where nothing has. Its caller holds looking.
func (m *Monitor) toSave() learned {
	content := m.watch.Save()
	if content != nil {
		m.turn++
	}
	return learned{content, m.turn}
}

// save keeps what was learned, unless something newer is kept already. What could not be
// written counts as changed still.
func (m *Monitor) save(what learned) error {
	m.saving.Lock()
	defer m.saving.Unlock()
	if m.cfg.Path == "" || what.turn <= m.saved {
		return nil
	}
	if err := durable.Replace(m.cfg.Path, what.content); err != nil {
		m.looking.Lock()
		defer m.looking.Unlock()
		if m.watch != nil {
			m.watch.changed = true
		}
		return err
	}
	m.saved = what.turn
	return nil
}

// Standings are how the rules stand, and of how many principals it is known what they
// do; nothing before Run.
func (m *Monitor) Standings() (all []Standing, profiles, learned int) {
	m.looking.Lock()
	defer m.looking.Unlock()
	if m.watch == nil {
		return NewWatch(m.cfg.Settings(), time.Now(), m.cfg.Key).Standings(time.Now())
	}
	return m.watch.Standings(time.Now())
}
