package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// The test binary is its own child, as the program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == roleUpstream || os.Args[1] == roleProxy) {
		if err := dispatch(context.Background(), os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func small(t *testing.T, args ...string) *options {
	t.Helper()
	o, err := parseOptions(append([]string{
		"-rounds=1", "-seconds=0.4", "-sessions=20", "-connections=2", "-payloads=100B,1MB", "-targets=direct,revproxy",
	}, args...), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	o.starts = 1
	return o
}

func TestRunReportsEveryCell(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), small(t, "-format=json"), &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Rows []struct {
			Target    string
			Era       string
			Payload   int      `json:"payload_bytes"`
			PerSecond float64  `json:"requests_per_second"`
			OfProxy   *float64 `json:"requests_per_second_to_revproxy"`
			Allocs    *float64 `json:"allocations_per_call"`
			Failed    int      `json:"failed_calls"`
		}
		Starts []struct{ Target string }
		Idle   []struct{ Target string } `json:"idle_sessions"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, out.Bytes())
	}
	var cells []string
	for _, r := range got.Rows {
		cells = append(cells, fmt.Sprintf("%s %s %d", r.Target, r.Era, r.Payload))
		if r.PerSecond <= 0 || r.OfProxy == nil || r.Allocs != nil || r.Failed != 0 {
			t.Errorf("row %+v", r)
		}
	}
	want := []string{
		"direct stateful 100", "revproxy stateful 100", "direct stateless 100", "revproxy stateless 100",
		"direct stateful 1048576", "revproxy stateful 1048576", "direct stateless 1048576", "revproxy stateless 1048576",
	}
	if !slices.Equal(cells, want) {
		t.Errorf("rows %q, want %q", cells, want)
	}
	if len(got.Starts) != 2 || len(got.Idle) != 1 || got.Idle[0].Target != revproxy {
		t.Errorf("starts %v, idle %v", got.Starts, got.Idle)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	progress := writerFunc(func(p []byte) (int, error) { // at the first figure
		if bytes.Contains(p, []byte("/s")) {
			cancel(interrupted)
		}
		return len(p), nil
	})
	opts := small(t, "-rounds=100", "-payloads=100B", "-sessions=0")
	if err := run(ctx, opts, io.Discard, progress); !errors.Is(err, interrupted) {
		t.Errorf("got %v, want %v", err, interrupted)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestADeadChildEndsTheRun(t *testing.T) {
	died := make(chan error, 1)
	s := &stand{opts: small(t), progress: io.Discard, died: func(err error) { died <- err }}
	defer s.close()
	if err := s.setUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.upstream.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-died; !strings.Contains(err.Error(), "ended by itself") {
		t.Error(err)
	}
}

func TestChildrenEndWithTheirParent(t *testing.T) {
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], roleUpstream, address)
	stdin, err := cmd.StdinPipe() // all that ties it to a parent, outside Linux
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestAGatewayWithoutControlsIsNotMeasured(t *testing.T) {
	open := httptest.NewServer(newEcho())
	defer open.Close()
	target := &target{name: "open", at: endpoint{address: open.Listener.Addr().(*net.TCPAddr).String(), path: "/"}}
	s := &stand{opts: small(t), progress: io.Discard}
	if err := s.verifyControls(t.Context(), target); err == nil || !strings.Contains(err.Error(), "let pass") {
		t.Errorf("got %v", err)
	}
}

func TestAnAnswerToAnotherEndsTheRun(t *testing.T) {
	mixed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1000000000,"result":{"content":[{"type":"text","text":"mine"}]}}`)
	}))
	defer mixed.Close()
	self := &child{cmd: &exec.Cmd{Process: &os.Process{Pid: os.Getpid()}}}
	target := &target{name: "mixed", proc: self, at: endpoint{address: mixed.Listener.Addr().(*net.TCPAddr).String(), path: "/"}}
	s := &stand{opts: small(t), progress: io.Discard}
	_, err := s.drive(t.Context(), target, cell{stateless, 2, 100}, time.Minute)
	if !errors.Is(err, errForeign) {
		t.Errorf("got %v, want %v", err, errForeign)
	}
}

func TestOptions(t *testing.T) {
	for _, bad := range [][]string{
		{"-targets=nginx"},
		{"-payloads=31B"},
		{"-payloads=4MB"},
		{"-payloads=99999999999999MB"},
		{"-payloads=x"},
		{"-connections=0"},
		{"-eras=bronze"},
		{"-rounds=0"},
		{"-seconds=0"},
		{"-format=xml"},
		{"more"},
	} {
		if _, err := parseOptions(bad, io.Discard); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	o, err := parseOptions([]string{"-quick"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range o.cells() {
		for _, c := range group {
			if c.payload >= large && c.connections > maxLarge {
				t.Errorf("cell %s", c)
			}
		}
	}
	for _, n := range []int{100, 10 << 10, 1 << 20, 1000, 3 << 19} {
		if got, err := parsePayload(payloadName(n)); err != nil || got != n {
			t.Errorf("%d is written %s and read %d, %v", n, payloadName(n), got, err)
		}
	}
}

func TestRowsHoldMediansOfTheRoundsRatios(t *testing.T) {
	o := small(t, "-targets=direct,revproxy,doorward")
	taken := map[string][]sample{
		// The machine was slow in the second round.
		direct:   {{perSecond: 40, cpu: 10}, {perSecond: 4, cpu: 10}, {perSecond: 40, cpu: 10}},
		revproxy: {{perSecond: 10, p99: 8, cpu: 60}, {perSecond: 1, p99: 80, cpu: 61}, {perSecond: 10, p99: 8, cpu: 62}},
		doorward: {{perSecond: 8, p99: 12, cpu: 90, allocs: 50}, {perSecond: 0.8, p99: 96, cpu: 91, allocs: 50}, {perSecond: 7, p99: 12, cpu: 92, allocs: 50}},
	}
	rows := o.rows(cell{stateful, goalConnections, goalPayload}, taken)
	d := rows[2]
	if d.OfProxy != 0.8 || d.P99OfProxy != 1.5 || d.PerSecond != 7 || d.CPU != 91 {
		t.Errorf("row %+v", d)
	}
	r := newReport(o)
	r.Rows = rows
	r.judge()
	got := map[string]string{}
	for _, g := range r.Goals {
		name, _, _ := strings.Cut(g.What, " (")
		got[name] = verdict(g.FirstMet) + " " + verdict(g.ThenMet)
	}
	want := map[string]string{
		"requests/s ÷ revproxy's": "met missed",
		"p99 ÷ revproxy's":        "met missed",
		"CPU µs a call":           "met missed",
		"allocations a call":      "met missed",
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: %q, want %q", name, got[name], want[name])
		}
	}
}

func TestAMissingFigureMeetsNoGoal(t *testing.T) {
	r := newReport(small(t))
	r.Idle = []idle{{Target: doorward, RSS: figure(math.NaN())}}
	r.judge()
	if len(r.Goals) != 1 || r.Goals[0].FirstMet {
		t.Errorf("goals %+v", r.Goals)
	}
	var text, machine bytes.Buffer
	if err := errors.Join(r.writeText(&text), r.writeJSON(&machine)); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(machine.Bytes()) || !strings.Contains(machine.String(), `"measured": null`) || !strings.Contains(text.String(), "–") {
		t.Errorf("%s\n%s", machine.String(), text.String())
	}
}

// What the overlay replaces is there, and nothing else changes.
func TestSilenceFindsTheRecord(t *testing.T) {
	overlay, err := silence(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	vet := exec.CommandContext(t.Context(), "gofmt", "-l", strings.Replace(overlay, "overlay.json", "trail.go", 1))
	if out, err := vet.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("the source without its record: %v, %s", err, out)
	}
}
