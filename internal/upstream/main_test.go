package upstream_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/sandbox"
	"doorward/internal/supervise"
	"doorward/internal/upstream"
)

// The test binary is also the supervisor and, for kill -9, the gateway; built without
// the race detector it is the child servers.
func TestMain(m *testing.M) {
	switch {
	case os.Args[0] == sandbox.Name, os.Args[0] == sandbox.Entry:
		os.Exit(sandbox.Init())
	case os.Args[0] == supervise.Name:
		os.Exit(supervise.Run(os.Args))
	case len(os.Args) > 2 && os.Args[1] == "-child":
		child(os.Args[2])
		os.Exit(0)
	case len(os.Args) > 3 && os.Args[1] == "-gateway":
		servers = os.Args[3]
		gateway(os.Args[2])
		os.Exit(0)
	}
	os.Exit(run(m))
}

// servers is this package's tests once more, without the race detector: the program of the
// child servers, of which the tests start hundreds. One that is watched takes ten times as
// long to begin, and nothing in it is the gateway's. Set once by TestMain.
var servers string

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "doorward-servers-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	servers = filepath.Join(dir, "servers")
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", servers, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the child servers: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// child is a stdio server that behaves as mode says.
func child(mode string) {
	if evilChild(mode) || lonelyChild(mode) {
		return
	}
	switch mode {
	case "sleeper": // a grandchild that ignores everything
		if f, err := os.OpenFile(os.Args[3], os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600); err == nil {
			fmt.Fprintln(f, os.Getpid())
			f.Close()
		}
		select {}
	case "grandchild", "headless":
		cmd := exec.Command(os.Args[0], "-child", "sleeper", os.Args[3])
		detach(cmd)
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		if mode == "headless" {
			endLeader()
		}
	case "tells":
		fmt.Println("the token is " + os.Getenv("TOKEN"))
		fmt.Fprintln(os.Stderr, "the token is "+os.Getenv("TOKEN"))
	case "banner":
		fmt.Println("Welcome to \x1b[31mthe server\x1b[0m")
		fmt.Fprintln(os.Stderr, "stderr \x1b[2J line")
	}
	var mu sync.Mutex
	write := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(s)
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	var held []string
	for in.Scan() {
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params struct {
				Name      string          `json:"name"`
				Arguments json.RawMessage `json:"arguments"`
				Meta      struct {
					Token json.RawMessage `json:"progressToken"`
				} `json:"_meta"`
			} `json:"params"`
			Result json.RawMessage `json:"result"`
		}
		if json.Unmarshal(in.Bytes(), &m) != nil {
			continue
		}
		result := func(r string) string { return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, r) }
		switch m.Method {
		case "initialize":
			write(result(`{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"logging":{}},"serverInfo":{"name":"child","version":"1"}}`))
		case "server/discover":
			if mode == "legacy" {
				os.Exit(3)
			}
			write(result(`{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":1,"cacheScope":"public"}`))
		case "tools/list":
			write(result(`{"tools":[{"name":"echo","inputSchema":{"type":"object"}},{"name":"twice","inputSchema":{"type":"object"}},{"name":"twice","inputSchema":{"type":"object"}}],"ttlMs":0}`))
		case "resources/read":
			write(result(`{"contents":[],"resultType":"complete","ttlMs":60000,"cacheScope":"public"}`))
		case "tools/call":
			switch m.Params.Name {
			case "crash":
				os.Exit(1)
			case "changed":
				write(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"text":"secret","_meta":{"x/y":"secret"}}}`)
				write(result(`{"content":[]}`))
			case "hang":
				if m.Params.Meta.Token != nil {
					write(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":0}}`, m.Params.Meta.Token))
				}
			case "giant":
				write(result(`{"content":[],"x":"` + strings.Repeat("x", 2<<20) + `"}`))
			case "malformed":
				write(result(`{"a":1,"a":2}`))
			case "shuffle":
				if m.Params.Meta.Token != nil {
					write(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1,"message":%s}}`, m.Params.Meta.Token, m.Params.Arguments))
				}
				held = append(held, result(fmt.Sprintf(`{"content":[],"canary":%s}`, m.Params.Arguments)))
				if len(held) == 20 {
					rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
					write(`{"jsonrpc":"2.0","id":999999999,"result":{"canary":"nobody's"}}`)
					for _, h := range held {
						write(h)
					}
					held = nil
				}
			case "ask":
				held = []string{result(`{"content":[]}`)}
				write(`{"jsonrpc":"2.0","id":"up-1","method":"elicitation/create","params":{"message":"?"}}`)
			default:
				write(result(fmt.Sprintf(`{"content":[],"canary":%s}`, m.Params.Arguments)))
			}
		case "":
			for _, h := range held { // the answer to ask
				write(strings.Replace(h, `"content":[]`, `"content":[],"answer":`+string(m.Result), 1))
			}
			held = nil
		}
	}
	if mode == "stubborn" {
		select {}
	}
}

// pins approves everything but the commands it refuses.
type pins struct {
	state   gate.PinState
	command gate.Effect
	server  gate.Verdict
}

func (p pins) State(string, gate.ItemKind, string, gate.Digest) gate.PinState { return p.state }

func (p pins) ReachAllowed(gate.Item) gate.Verdict {
	return gate.Verdict{Effect: p.command, Code: gate.CodeUpstreamHeld}
}

func (p pins) ServerAllowed(_ string, d gate.Digest, definition []byte) gate.Verdict {
	if p.server.Code != gate.CodeUnset && definition != nil && d != (gate.Digest{}) {
		return p.server
	}
	return gate.Pass()
}

func approveAll() pins { return pins{state: gate.Approved, command: gate.Continue} }

func self() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

func childCommand(mode string, more ...string) []string {
	return append([]string{servers, "-child", mode}, more...)
}

func newPool(t *testing.T, cfg upstream.Config) *upstream.Pool {
	t.Helper()
	if cfg.Pins == nil {
		cfg.Pins = approveAll()
	}
	if cfg.Events == nil {
		cfg.Events = func(context.Context, gate.Event) error { return nil }
	}
	cfg.Environment, cfg.Supervised, cfg.Version = os.Environ(), true, "test"
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p, err := upstream.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}

func newSession(id string) *gate.Session {
	return &gate.Session{ID: id, Owner: id, Version: mcp.V20251125, Capabilities: []byte(`{"elicitation":{},"tasks":{}}`), ClientInfo: []byte(`{}`)}
}

// exchange is what the stages make of a client's message: session nil is the
// stateless era.
func exchange(t testing.TB, session *gate.Session, up, raw string) *gate.Exchange {
	t.Helper()
	m, err := mcp.ParseClient([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	ex := &gate.Exchange{ID: "ex", Principal: &gate.Principal{Method: "test", Subject: "someone"}}
	ex.Call.Message, ex.Call.Session = m, session
	ex.Call.Era, ex.Call.Version = gate.Stateless, mcp.V20260728
	if session != nil {
		ex.Call.Era, ex.Call.Version = gate.Stateful, session.Version
		ex.Principal.Subject = session.Owner
	}
	if m.Final() {
		ex.Call.Route = mcp.AnswerRoute(m.Kind)
	} else {
		ex.Call.Route, _ = mcp.Lookup(m.Method)
		named, err := mcp.Name(ex.Call.Route, m)
		if err != nil {
			t.Fatal(err)
		}
		ex.Call.Item, ex.Call.Name, ex.Call.NameAt = named.Kind, named.Name, named.At
	}
	ex.Target.Upstream, ex.Target.Upstreams, ex.Target.Plain = up, []string{up}, true
	return ex
}

// forward carries an exchange out and returns what was emitted.
func forward(t *testing.T, p *upstream.Pool, ex *gate.Exchange) ([]*gate.Message, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var got []*gate.Message
	err := p.Forward(ctx, ex, func(_ context.Context, m *gate.Message) error {
		got = append(got, m)
		return nil
	})
	return got, err
}

const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"extensions":{"x/y":{}}}}`

func call(tool, args string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, tool, args)
}

func modernCall(tool, args string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s,%s}}`, tool, args, meta)
}

func wantCode(t *testing.T, err error, want gate.Code) {
	t.Helper()
	if err == nil || gate.CodeOf(err) != want {
		t.Fatalf("error %v (code %s), want code %s", err, gate.CodeOf(err), want)
	}
}
