package monitor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/monitor"
)

// post is a Monitor that runs, and what it has raised.
type post struct {
	*monitor.Monitor
	log   *lockedBuffer
	stop  context.CancelFunc
	ended chan struct{}

	mu              sync.Mutex
	set             *monitor.Settings
	pulse           monitor.Pulse
	raised, further []monitor.Alert
	events          []gate.Event
	record          error
}

func newPost(t *testing.T, path string) *post {
	t.Helper()
	set := shipped()
	p := &post{log: &lockedBuffer{}, set: &set, ended: make(chan struct{})}
	var err error
	p.Monitor, err = monitor.New(monitor.Config{
		Settings: func() *monitor.Settings { p.mu.Lock(); defer p.mu.Unlock(); return p.set },
		Pulse:    func() monitor.Pulse { p.mu.Lock(); defer p.mu.Unlock(); return p.pulse },
		Raise:    func(a monitor.Alert) { p.mu.Lock(); defer p.mu.Unlock(); p.raised = append(p.raised, a) },
		Further:  func(all []monitor.Alert) { p.mu.Lock(); defer p.mu.Unlock(); p.further = append(p.further, all...) },
		Record: func(_ context.Context, e gate.Event) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.events = append(p.events, e)
			return p.record
		},
		Path: path, Log: slog.New(slog.NewTextHandler(p.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *post) run() *post {
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() {
		defer close(p.ended)
		p.Run(ctx)
	}()
	return p
}

func (p *post) end() {
	p.stop()
	<-p.ended
}

func (p *post) alerts() []monitor.Alert {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]monitor.Alert(nil), p.raised...)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func tell(p *post, e monitor.Event) {
	e.At = time.Now()
	p.Tell(&e)
}

// An alert is raised within a second, is on record once, and has an id.
func TestAnAlertIsRaisedAndRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t, "").run()
		synctest.Wait()
		for i := range 10 {
			e := denied(key("alice"))
			e.Exchange = fmt.Sprintf("ex%d", i)
			tell(p, e)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		all := p.alerts()
		if len(all) != 1 || !strings.HasPrefix(all[0].ID, "al_") {
			t.Fatalf("raised: %+v", all)
		}
		p.end()
		line := p.log.text()
		if !strings.Contains(line, "rule=denied_calls") || !strings.Contains(line, "kind=principal") || !strings.Contains(line, all[0].ID) || strings.Contains(line, "alice") {
			t.Errorf("the log has not the rule, the kind and the id alone: %s", line)
		}
		if len(p.events) != 1 {
			t.Fatalf("on record: %+v", p.events)
		}
		want := gate.Event{
			Kind: "alert.raised", Actor: "doorward", Upstream: "files", Exchange: "ex0", Status: "ok",
			Detail:    "denied_calls of principal: 10 since " + all[0].First.Format("2006-01-02T15:04:05.000Z") + ", alert " + all[0].ID,
			Principal: &gate.Principal{Realm: all[0].Subject.Realm, Tenant: all[0].Subject.Tenant, Subject: "alice"},
		}
		if !reflect.DeepEqual(p.events[0], want) {
			t.Errorf("on record: %+v", p.events[0])
		}
	})
}

// ALR-02: of a storm from many goroutines everything is counted: in alerts, or as
// missed.
func TestALR02NothingIsLost(t *testing.T) {
	const storm, tellers = 100_000, 8
	p := newPost(t, "").run()
	var wg sync.WaitGroup
	for range tellers {
		wg.Go(func() {
			for range storm / tellers {
				tell(p, denied(key("alice")))
			}
		})
	}
	wg.Wait()
	p.end()
	var counted, missed int64
	for _, a := range p.alerts() {
		switch a.Rule {
		case "denied_calls":
			counted += a.Count
		case "missed":
			missed += a.Count
		default:
			t.Errorf("raised: %+v", a)
		}
	}
	if counted+missed != storm || len(p.alerts()) > 6 {
		t.Errorf("%d counted and %d missed of %d, in %d alerts", counted, missed, storm, len(p.alerts()))
	}
}

// Who tells waits for nothing, also when nobody looks.
func TestTellNeverWaits(t *testing.T) {
	p := newPost(t, "")
	for range 20_000 {
		tell(p, denied(key("alice")))
	}
	p.run().end()
	var missed int64
	for _, a := range p.alerts() {
		if a.Rule == "missed" {
			missed += a.Count
		}
	}
	if missed != 20_000-8192 {
		t.Errorf("%d missed", missed)
	}
}

// ALR-06, with the clock: a log that is broken is told within ten seconds, and that it
// cannot be recorded does not stop it.
func TestALR06WithoutALog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t, "").run()
		synctest.Wait()
		p.mu.Lock()
		p.pulse.Healthy, p.record = errors.New("no space left"), errors.New("no space left")
		p.mu.Unlock()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if all := p.alerts(); len(all) != 1 || all[0].Rule != "audit_silence" {
			t.Errorf("raised: %+v", all)
		}
		p.end()
		if !strings.Contains(p.log.text(), "alert without a record") {
			t.Errorf("the log: %s", p.log.text())
		}
	})
}

// A reload counts from the next look on.
func TestAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t, "").run()
		synctest.Wait()
		set := shipped()
		set.FailedSignIns.N = 2
		p.mu.Lock()
		p.set = &set
		p.mu.Unlock()
		time.Sleep(time.Second)
		tell(p, failed("192.0.2.1"))
		tell(p, failed("192.0.2.1"))
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(p.alerts()); n != 1 {
			t.Errorf("%d alerts", n)
		}
		p.end()
	})
}

// What was counted after an alert is told at the end, and what was learned is kept.
func TestTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "profiles.json")
	p := newPost(t, path).run()
	for range 25 {
		tell(p, denied(key("alice")))
	}
	tell(p, called(key("alice"), "read", 1))
	p.end()
	sum := int64(0)
	for _, a := range p.alerts() {
		sum += a.Count
	}
	if sum != 25 || len(p.alerts()) != 2 || len(p.events) != 2 {
		t.Errorf("raised: %+v", p.alerts())
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("profiles: %v, %v", info, err)
	}
	p = newPost(t, path).run()
	p.end()
	if _, known, _ := p.Standings(); known != 1 {
		t.Errorf("%d principals are known", known)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	p = newPost(t, path).run()
	p.end()
	if !strings.Contains(p.log.text(), "learned anew") {
		t.Errorf("a file that is none goes unnoticed: %s", p.log.text())
	}
}

// What an exchange was about is in its event; what it said is not.
func TestLOG19WhatAnEventHas(t *testing.T) {
	ex := &gate.Exchange{
		ID: "ex1", Principal: key("alice"), Inbound: gate.Inbound{Remote: at("192.0.2.7"), UserAgent: "CANARY"},
		Call:   gate.Call{Name: "CANARY", Message: &gate.Message{Raw: []byte("CANARY")}},
		Target: gate.Target{Upstream: "files", Item: &gate.Item{Kind: gate.Tool, Name: "read"}},
		Tally:  gate.Tally{RequestBytes: 5, ReplyBytes: 7},
		Findings: []gate.Finding{
			{Rule: "secret.aws", Severity: gate.High, Where: "/arguments/x", Text: "CANARY"},
		},
	}
	now := began()
	e := monitor.OfExchange(ex, &gate.Outcome{Status: "ok", Verdict: gate.Verdict{Effect: gate.Continue, Reason: "CANARY"}}, now)
	if strings.Contains(fmt.Sprintf("%+v", e), "CANARY") {
		t.Errorf("%+v", e)
	}
	if e.Bytes != 12 || !e.Secret || e.Tool != "read" || e.Upstream != "files" || e.Status != "ok" || e.Exchange != "ex1" {
		t.Errorf("%+v", e)
	}
	e = monitor.OfExchange(ex, &gate.Outcome{Stage: "authorize", Verdict: gate.Refuse(gate.CodeDenied, "", ""), Status: "refused"}, now)
	if e.Who == nil {
		t.Errorf("who was let in and refused is unknown: %+v", e)
	}
	e = monitor.OfExchange(ex, &gate.Outcome{Stage: "identify", Verdict: gate.Refuse(gate.CodeContainedPrincipal, "", ""), Status: "refused"}, now)
	if e.Who != nil {
		t.Errorf("who was not let in is counted for: %+v", e)
	}
	ex.Findings[0].Where = "/content/0/text"
	ex.Target.Item = &gate.Item{Kind: gate.Resource, Name: "docs://CANARY"}
	e = monitor.OfExchange(ex, &gate.Outcome{Verdict: gate.Verdict{Effect: gate.Hold}, Status: "refused"}, now)
	if e.Secret || e.Tool != "" || e.Status != "held" {
		t.Errorf("%+v", e)
	}
	e = monitor.OfEvent(&gate.Event{Kind: "request.turned_away", Remote: netip.MustParseAddr("192.0.2.9"), Detail: "http.headers: CANARY", Status: "refused"}, nil, now)
	if e.Address != at("192.0.2.9") || e.Code != "http.headers" {
		t.Errorf("%+v", e)
	}
}

// Calls of one tool with the same arguments are alike; other methods, polls of tasks, and anything while
// the rule is off are like nothing.
func TestRES35WhichCallsAreAlike(t *testing.T) {
	set := shipped()
	m, err := monitor.New(monitor.Config{
		Settings: func() *monitor.Settings { return &set }, Pulse: func() monitor.Pulse { return monitor.Pulse{} },
		Raise: func(monitor.Alert) {}, Further: func([]monitor.Alert) {}, Record: func(context.Context, gate.Event) error { return nil },
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	of := func(method, arguments string, task bool) uint64 {
		return m.Alike(&gate.Exchange{
			Call:   gate.Call{Route: gate.Route{Task: task}, Message: &gate.Message{Raw: []byte(arguments), Method: method, Fields: []gate.Field{{Name: "arguments", Value: gate.Span{End: len(arguments)}}}}},
			Target: gate.Target{Upstream: "files", Item: &gate.Item{Kind: gate.Tool, Name: "read"}},
		})
	}
	long := strings.Repeat("x", 100<<10)
	one := of("tools/call", `{"a":1}`, false)
	if one == 0 || one != of("tools/call", `{"a":1}`, false) || one == of("tools/call", `{"a":2}`, false) || of("tools/call", long, false) == of("tools/call", long+"x", false) {
		t.Error("calls are alike whose arguments are not, or the other way round")
	}
	for _, n := range []uint64{of("tasks/get", "", true), of("completion/complete", `{"a":1}`, false)} {
		if n != 0 {
			t.Error("what is no call of a tool or prompt is like another")
		}
	}
	set.RepeatedCalls = monitor.Limit{}
	if of("tools/call", `{"a":1}`, false) != 0 {
		t.Error("calls are told apart while the rule is off")
	}
}

// BenchmarkTell is what it costs a call to be watched: the event and telling it.
// Bound: 1 µs.
func BenchmarkTell(b *testing.B) {
	set := shipped()
	m, err := monitor.New(monitor.Config{
		Settings: func() *monitor.Settings { return &set }, Pulse: func() monitor.Pulse { return monitor.Pulse{} },
		Raise: func(monitor.Alert) {}, Further: func([]monitor.Alert) {}, Record: func(context.Context, gate.Event) error { return nil },
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.Run(ctx)
	}()
	ex := &gate.Exchange{
		ID: "ex1", Principal: key("alice"), Inbound: gate.Inbound{Remote: at("192.0.2.7")},
		Target: gate.Target{Upstream: "files", Item: &gate.Item{Kind: gate.Tool, Name: "read"}},
	}
	out := gate.Outcome{Status: "ok", Verdict: gate.Pass()}
	b.ReportAllocs()
	for b.Loop() {
		e := monitor.OfExchange(ex, &out, time.Now())
		e.Call = m.Alike(ex)
		m.Tell(&e)
	}
	stop()
	<-ended
}

// BenchmarkTake is what the monitor's own goroutine does with one call.
func BenchmarkTake(b *testing.B) {
	set := shipped()
	w := monitor.NewWatch(&set, began(), monitor.Key{})
	e := called(key("alice"), "read", 100)
	e.At = began()
	b.ReportAllocs()
	for b.Loop() {
		w.Take(&e)
	}
}
