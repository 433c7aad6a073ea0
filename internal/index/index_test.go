package index_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/audit"
	"doorward/internal/gate"
	"doorward/internal/index"
)

// fixture is a log with an index.
type fixture struct {
	dir  string // of the log
	log  *audit.Log
	ring *audit.Keyring
	f    *index.Follower
	out  bytes.Buffer // what Read warned of
}

// full is how many records a part of these tests has.
const full = 50

func config(dir string) audit.Config {
	return audit.Config{
		Dir: filepath.Join(dir, "audit"), KeyFile: filepath.Join(dir, "audit.key"), SegmentBytes: 96 << 10, Arguments: audit.Plain,
		Fields: map[string][]audit.Field{"files/read": {{Path: "/pin", How: audit.Hashed}, {Path: "/sql", How: audit.Plain}}},
	}
}

func newFixture(t *testing.T, plain bool) *fixture {
	t.Helper()
	cfg := config(t.TempDir())
	cfg.PlainIdentity = plain
	l, err := audit.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	ring, err := audit.OpenKeyring(cfg.Dir, cfg.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	x := &fixture{dir: cfg.Dir, log: l, ring: ring}
	x.f = x.follower()
	return x
}

func (x *fixture) follower() *index.Follower {
	size := func() uint64 { return x.log.Stats().Size }
	covered := func() uint64 { s := x.log.Stats(); return s.Size - s.Behind }
	return index.NewFollower(index.Log{Dir: x.dir, Size: size, Covered: covered}, slog.New(slog.DiscardHandler))
}

func (x *fixture) once(t *testing.T) {
	t.Helper()
	_, err := x.log.Checkpoint(t.Context())
	if err := errors.Join(err, x.f.Once(t.Context(), full)); err != nil {
		t.Fatal(err)
	}
}

// Texts that the records of fill are made of, and queries.
var (
	people    = []string{"alice", "Bob", "ci-runner", "Große Straße", "k\u0130zıl", "\u212aelvin"}
	upstreams = []string{"files", "mail", "orders"}
	items     = []string{"read", "write", "delete_everything"}
	codes     = []gate.Code{"", "", gate.CodeParams, gate.CodeAudit}
)

func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

// fill adds so many calls and events.
func (x *fixture) fill(t *testing.T, r *rand.Rand, n int) {
	t.Helper()
	for i := range n {
		if i%7 == 0 {
			e := gate.Event{
				Kind: pick(r, []string{"approval.grant", "trust.approve", "incident.open"}), Actor: pick(r, people),
				Detail: fmt.Sprintf("ap_%d: by %s", r.IntN(40), pick(r, people)), Status: "ok", Upstream: pick(r, upstreams),
			}
			if err := x.log.Event(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			continue
		}
		ex := call(r)
		out := gate.Outcome{Verdict: gate.Pass(), Status: "ok", Intent: true}
		if code := pick(r, codes); code != "" {
			out = gate.Outcome{Verdict: gate.Refuse(code, "it was no "+string(code), "no"), Status: "refused", Intent: true}
		}
		if err := errors.Join(x.log.Intent(t.Context(), ex), x.log.Outcome(t.Context(), ex, out)); err != nil {
			t.Fatal(err)
		}
	}
}

func call(r *rand.Rand) *gate.Exchange {
	arguments := fmt.Sprintf(`{"sql":"SELECT %s","pin":%d,"rest":"%s"}`, pick(r, people), r.IntN(9), strings.Repeat("padding ", r.IntN(40)))
	raw := []byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"read","arguments":` + arguments + `}}`)
	params, at := bytes.Index(raw, []byte(`{"name"`)), bytes.Index(raw, []byte(`{"sql"`))
	up, item := pick(r, upstreams), pick(r, items)
	who := pick(r, people)
	ex := &gate.Exchange{
		ID: fmt.Sprintf("X%08d", r.IntN(1e8)), Start: time.Now(),
		Inbound:   gate.Inbound{Transport: "http", UserAgent: "agent/" + who, Remote: netip.MustParseAddr("192.0.2.7")},
		Principal: &gate.Principal{Method: gate.MethodAPIKey, Realm: gate.RealmKeys, Subject: who, Credential: "k_" + who},
		Call: gate.Call{
			Message: &gate.Message{
				Raw: raw, Kind: gate.Request, Method: "tools/call", ID: gate.Span{Start: 22, End: 23}, Params: gate.Span{Start: params, End: len(raw) - 1},
				Fields: []gate.Field{{Name: "name"}, {Name: "arguments", Value: gate.Span{Start: at, End: at + len(arguments)}}},
			},
			Item: gate.Tool, Name: item,
		},
		Target: gate.Target{Upstream: up, Item: &gate.Item{Kind: gate.Tool, Upstream: up, Name: item}},
	}
	ex.Trace.ID = [16]byte{1, byte(r.IntN(250))}
	ex.Grant.Rule = fmt.Sprintf("roles.r%d.allow[0]: %s: all", r.IntN(3), item)
	return ex
}
