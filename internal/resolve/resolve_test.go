package resolve_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/resolve"
)

var errDown = &gate.Error{Code: gate.CodeUpstreamDown, Op: "test"}

// world is a catalogue, a policy and the waiting requests.
type world struct {
	lacks  func(kind gate.ItemKind, upstream, name string) []string
	items  map[string][]gate.Item
	err    map[string]error
	panics map[string]bool
	stale  map[string]bool
	reach  func(upstream string) bool

	log    *slog.Logger
	refuse error         // of events
	block  chan struct{} // when set, upstreams in err do not answer before it is closed

	mu     sync.Mutex
	asked  map[string]bool
	events []gate.Event
}

func (w *world) event(_ context.Context, e gate.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse == nil {
		w.events = append(w.events, e)
	}
	return w.refuse
}

func (w *world) contact(upstream string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked == nil {
		w.asked = make(map[string]bool)
	}
	w.asked[upstream] = true
	if w.panics[upstream] {
		panic("catalogue")
	}
	return w.err[upstream]
}

func (w *world) Items(ctx context.Context, _ *gate.Exchange, upstream string, kind gate.ItemKind) (out []gate.Item, stale bool, err error) {
	if err := w.contact(upstream); err != nil {
		if w.block != nil {
			select {
			case <-w.block:
			case <-ctx.Done():
			}
		}
		return nil, false, err
	}
	for _, it := range w.items[upstream] {
		if it.Kind == kind {
			out = append(out, it)
		}
	}
	return out, w.stale[upstream], nil
}

func (w *world) Find(ctx context.Context, ex *gate.Exchange, upstream string, kind gate.ItemKind, name string) (gate.Item, bool, error) {
	items, _, err := w.Items(ctx, ex, upstream, kind)
	for _, it := range items {
		if it.Name == name || (strings.HasPrefix(it.Name, "LIE") && name == "lie") {
			return it, true, err
		}
	}
	return gate.Item{}, false, err
}

func (w *world) Twins(ctx context.Context, ex *gate.Exchange, it *gate.Item) ([]gate.Item, error) {
	items, _, err := w.Items(ctx, ex, it.Upstream, it.Kind)
	return slices.DeleteFunc(items, func(o gate.Item) bool {
		return o.Name == it.Name || mcp.Fold(o.Name) != mcp.Fold(it.Name)
	}), err
}

func (w *world) Reaches(_ *gate.Principal, upstream string) bool {
	return w.reach == nil || w.reach(upstream)
}

// Serves implements resolve.Reach: the upstream "theirs" is another tenant's.
func (w *world) Serves(_ *gate.Principal, upstream string) bool { return upstream != "theirs" }

// Lacks knows one scope for every tool of an upstream, and of resources.
func (w *world) Lacks(p *gate.Principal, kind gate.ItemKind, upstream, name string) []string {
	if w.lacks == nil || !p.HasScopes() {
		return nil
	}
	return w.lacks(kind, upstream, name)
}

func (w *world) Ask(s *gate.Session, id []byte) (upstream, method string, ok bool) {
	switch {
	case s.ID == "s1" && string(id) == "7":
		return "a", "roots/list", true
	case s.ID == "s1" && string(id) == "8":
		return "hidden", "roots/list", true
	}
	return "", "", false
}

// offers makes items "kind name state" of an upstream.
func (w *world) offers(upstream string, specs ...string) *world {
	if w.items == nil {
		w.items = make(map[string][]gate.Item)
	}
	kinds := map[string]gate.ItemKind{"tool": gate.Tool, "prompt": gate.Prompt, "resource": gate.Resource, "template": gate.Template}
	states := map[string]gate.PinState{"held": gate.Held, "approved": gate.Approved, "changed": gate.Changed, "rejected": gate.Rejected}
	for _, s := range specs {
		f := strings.Fields(s)
		n := len(w.items[upstream])
		w.items[upstream] = append(w.items[upstream], gate.Item{
			Kind: kinds[f[0]], Upstream: upstream, Name: f[1], State: states[f[2]],
			Digest: gate.Digest{byte(n + 1)}, Raw: []byte(s),
		})
	}
	return w
}

func (w *world) stage() *resolve.Stage {
	all := slices.Sorted(maps.Keys(w.items))
	return resolve.New(resolve.Config{Catalogue: w, Reach: w, Asks: w, Log: w.log, Events: w.event, Profiles: map[string]resolve.Profile{
		"": {Upstreams: all}, "plain": {Upstreams: []string{"a"}, Plain: true}, "broken": {Upstreams: all, Plain: true},
		"theirs": {Upstreams: []string{"theirs"}}, "theirs-plain": {Upstreams: []string{"theirs"}, Plain: true}, "mixed": {Upstreams: []string{"a", "theirs"}},
	}})
}

var routes = map[string]gate.Route{
	"tools/call":     {Stages: gate.OnResolve, Action: gate.Relay, Item: gate.Tool},
	"prompts/get":    {Stages: gate.OnResolve, Action: gate.Relay, Item: gate.Prompt},
	"resources/read": {Stages: gate.OnResolve, Action: gate.Relay, Item: gate.Resource},
	"complete":       {Stages: gate.OnResolve, Action: gate.Relay},
	"tools":          {Stages: gate.OnResolve, Action: gate.Compose, Item: gate.Tool},
	"resources":      {Stages: gate.OnResolve, Action: gate.Compose, Item: gate.Resource},
	"handshake":      {Stages: gate.OnResolve, Action: gate.Handshake},
	"answer":         {Action: gate.Answer},
}

func exchange(method, name string) *gate.Exchange {
	r := routes[method]
	r.Method = method
	return &gate.Exchange{
		ID: "e1", Principal: &gate.Principal{Subject: "me"},
		Call: gate.Call{Route: r, Item: r.Item, Name: name, Message: &gate.Message{Raw: []byte("7"), ID: gate.Span{Start: 0, End: 1}}},
	}
}

func standard() *world {
	return new(world).
		offers("a", "tool read approved", "tool new held", "tool odd changed", "tool bad rejected", "tool LIEr approved",
			"tool Twin approved", "tool twin approved", "tool one approved", "tool ONE held",
			"prompt p approved", "prompt ph held", "prompt pc changed", "prompt pr rejected",
			"resource docs://x approved", "resource docs://both approved", "resource docs://h held", "resource docs://c changed",
			"template docs://t/{id} approved", "template any://{+rest} held", "template docs://{id} approved").
		offers("b", "tool read approved", "resource docs://both approved", "template only://b/{id} approved", "template docs://t/{id}/x approved").
		offers("hidden", "tool read approved", "resource docs://secret approved")
}

func TestJudge(t *testing.T) {
	type want struct {
		code     gate.Code
		upstream string
		name     string
	}
	for _, tc := range []struct {
		method, name, profile string
		want                  want
	}{
		{"tools/call", "a__read", "", want{"", "a", "read"}},
		{"tools/call", "b__read", "", want{"", "b", "read"}},
		{"tools/call", "read", "plain", want{"", "a", "read"}},
		{"tools/call", "a__read", "plain", want{code: gate.CodeUnknownTool}},
		{"tools/call", "read", "", want{code: gate.CodeUnknownTool}},
		{"tools/call", "A__read", "", want{code: gate.CodeUnknownTool}},
		{"tools/call", "a__Read", "", want{code: gate.CodeUnknownTool}},
		{"tools/call", "a__read\u200b", "", want{code: gate.CodeUnknownTool}},
		{"tools/call", "hidden__read", "", want{code: gate.CodeUnknownTool}},
		{"tools/call", "none__read", "", want{code: gate.CodeUnknownTool}},
		{"tools/call", "__read", "", want{code: gate.CodeUnknownTool}},
		{"tools/call", "a__", "", want{code: gate.CodeUnknownTool}},
		{"tools/call", "", "", want{code: gate.CodeUnknownTool}},
		{"tools/call", "", "plain", want{code: gate.CodeUnknownTool}},
		{"tools/call", "a__p", "", want{code: gate.CodeUnknownTool}},
		{"tools/call", "a__new", "", want{gate.CodeHeldTool, "a", "new"}},
		{"tools/call", "a__odd", "", want{gate.CodeChangedTool, "a", "odd"}},
		{"tools/call", "a__bad", "", want{gate.CodeRejectedTool, "a", "bad"}},
		{"tools/call", "a__Twin", "", want{code: gate.CodeAmbiguousTool}},
		{"tools/call", "a__twin", "", want{code: gate.CodeAmbiguousTool}},
		{"tools/call", "a__one", "", want{"", "a", "one"}},
		{"tools/call", "a__read", "nowhere", want{code: gate.CodeProfile}},
		{"tools/call", "read", "broken", want{code: gate.CodeProfile}},
		{"prompts/get", "a__p", "", want{"", "a", "p"}},
		{"prompts/get", "a__read", "", want{code: gate.CodeUnknownPrompt}},
		{"prompts/get", "a__ph", "", want{gate.CodeHeldPrompt, "a", "ph"}},
		{"prompts/get", "a__pc", "", want{gate.CodeChangedPrompt, "a", "pc"}},
		{"prompts/get", "a__pr", "", want{gate.CodeRejectedPrompt, "a", "pr"}},
		{"resources/read", "docs://x", "", want{"", "a", "docs://x"}},
		{"resources/read", "docs://both", "", want{code: gate.CodeUnknownResource}},
		{"resources/read", "docs://both", "plain", want{"", "a", "docs://both"}},
		{"resources/read", "docs://h", "", want{gate.CodeHeldResource, "a", "docs://h"}},
		{"resources/read", "docs://c", "", want{gate.CodeChangedResource, "a", "docs://c"}},
		{"resources/read", "docs://secret", "", want{"", "a", "docs://{id}"}},
		{"resources/read", "docs://t/1", "", want{"", "a", "docs://t/{id}"}},
		{"resources/read", "docs://t/1/x", "", want{"", "b", "docs://t/{id}/x"}},
		{"resources/read", "only://b/9", "", want{"", "b", "only://b/{id}"}},
		{"resources/read", "only://b/9/10", "", want{code: gate.CodeUnknownResource}},
		{"resources/read", "xonly://b/9", "", want{code: gate.CodeUnknownResource}},
		{"resources/read", "only://b/9\n", "", want{code: gate.CodeUnknownResource}},
		{"resources/read", "any://thing", "", want{gate.CodeHeldResource, "a", "any://{+rest}"}},
		{"resources/read", "only://b/" + strings.Repeat("9", 2048), "", want{code: gate.CodeUnknownResource}},
		{"resources/read", "none://", "", want{code: gate.CodeUnknownResource}},
		{"complete", "", "", want{code: gate.CodeParams}},
		{"answer", "", "", want{code: gate.CodeAnswer}},
	} {
		t.Run(tc.method+" "+tc.profile+" "+fmt.Sprintf("%.40q", tc.name), func(t *testing.T) {
			w := standard()
			w.reach = func(u string) bool { return u != "hidden" }
			ex := exchange(tc.method, tc.name)
			ex.Inbound.Profile = tc.profile
			v, err := w.stage().Judge(t.Context(), ex)
			if err != nil {
				t.Fatal(err)
			}
			got := want{code: v.Code, upstream: ex.Target.Upstream}
			if ex.Target.Item != nil {
				got.name = ex.Target.Item.Name
			}
			if got != tc.want || (v.Effect == gate.Continue) != (tc.want.code == "") {
				t.Errorf("got %+v (%+v), want %+v", got, v, tc.want)
			}
			if w.asked["hidden"] {
				t.Error("an upstream out of reach was contacted")
			}
		})
	}
}

func TestUnknownLooksTheSame(t *testing.T) {
	w := standard()
	w.reach = func(u string) bool { return u != "hidden" }
	var first gate.Verdict
	for i, name := range []string{"a__nothing", "hidden__read", "nowhere__read"} {
		v, err := w.stage().Judge(t.Context(), exchange("tools/call", name))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = v
		}
		if v.Code != first.Code || v.Public != first.Public || v.Effect != first.Effect {
			t.Errorf("%s: the client can tell %+v from %+v", name, v, first)
		}
	}
}

func TestItemKeepsTheDigestThatWasFound(t *testing.T) {
	w := standard()
	ex := exchange("tools/call", "a__read")
	if _, err := w.stage().Judge(t.Context(), ex); err != nil {
		t.Fatal(err)
	}
	found := w.items["a"][0].Digest
	w.items["a"][0] = gate.Item{Kind: gate.Tool, Upstream: "a", Name: "read", State: gate.Changed, Digest: gate.Digest{99}}
	if it := ex.Target.Item; it.Digest != found || it.State != gate.Approved || it.Shown != "a__read" {
		t.Errorf("got %+v", it)
	}
	if _, err := w.stage().Judge(t.Context(), ex); err != nil || ex.Target.Item.State != gate.Changed {
		t.Errorf("after the change: %+v, %v", ex.Target.Item, err)
	}
}

func TestFailures(t *testing.T) {
	for _, tc := range []struct {
		method, name string
		down, panics []string
		wantErr      bool
		upstream     string
	}{
		{"tools/call", "a__read", []string{"a"}, nil, true, ""},
		{"tools/call", "a__read", []string{"b"}, nil, false, "a"},
		{"resources/read", "docs://x", []string{"b"}, nil, false, "a"},
		{"resources/read", "only://b/1", []string{"a"}, nil, false, "b"},
		{"resources/read", "none://", []string{"a"}, nil, true, ""},
		{"resources/read", "docs://h", []string{"b"}, nil, true, ""},
		{"resources/read", "none://", nil, []string{"b"}, true, ""},
		{"tools", "", []string{"a", "b", "hidden"}, nil, true, ""},
		{"tools", "", nil, []string{"a", "b", "hidden"}, true, ""},
		{"tools", "", []string{"a"}, []string{"hidden"}, false, ""},
		{"tools/call", "a__lie", nil, nil, true, ""},
	} {
		t.Run(fmt.Sprint(tc.method, " ", tc.name, tc.down, tc.panics), func(t *testing.T) {
			w := standard()
			w.err, w.panics = map[string]error{}, map[string]bool{}
			for _, u := range tc.down {
				w.err[u] = errDown
			}
			for _, u := range tc.panics {
				w.panics[u] = true
			}
			ex := exchange(tc.method, tc.name)
			v, err := w.stage().Judge(t.Context(), ex)
			if (err != nil) != tc.wantErr || ex.Target.Upstream != tc.upstream {
				t.Errorf("got %+v, %v, upstream %q", v, err, ex.Target.Upstream)
			}
			if err != nil && v.Effect != gate.Deny {
				t.Errorf("an error comes with %+v", v)
			}
			if len(tc.down) > 0 && tc.wantErr && gate.CodeOf(err) != gate.CodeUpstreamDown {
				t.Errorf("code %s", gate.CodeOf(err))
			}
		})
	}
	// A panic in the stage's own goroutine is the pipeline's to catch.
	w := standard()
	w.panics = map[string]bool{"a": true}
	defer func() {
		if recover() == nil {
			t.Error("a panic was swallowed")
		}
	}()
	_, _ = w.stage().Judge(t.Context(), exchange("tools/call", "a__read"))
}

func names(items []gate.Item) []string {
	var out []string
	for _, it := range items {
		out = append(out, it.Upstream+" "+it.Name+" "+it.Shown)
	}
	return out
}

func TestList(t *testing.T) {
	w := standard()
	w.reach = func(u string) bool { return u != "hidden" }
	w.offers("b", "tool \uff52ead2 approved", "tool read2 approved", "tool zero approved", "tool ze\u200dro approved")
	for _, tc := range []struct {
		method, profile string
		want            []string
	}{
		{"tools", "", []string{"a read a__read", "a LIEr a__LIEr", "a one a__one", "b read b__read"}},
		{"tools", "plain", []string{"a read read", "a LIEr LIEr", "a one one"}},
		{"resources", "", []string{"a docs://x docs://x"}},
		{"resources", "plain", []string{"a docs://x docs://x", "a docs://both docs://both"}},
	} {
		ex := exchange(tc.method, "")
		ex.Inbound.Profile = tc.profile
		v, err := w.stage().Judge(t.Context(), ex)
		if err != nil || v.Effect != gate.Continue {
			t.Fatal(v, err)
		}
		if diff := cmp.Diff(tc.want, names(ex.Target.Items)); diff != "" {
			t.Errorf("%s %s:\n%s", tc.method, tc.profile, diff)
		}
		for _, it := range ex.Target.Items {
			if it.Kind != gate.Tool {
				continue
			}
			call := exchange("tools/call", it.Shown)
			call.Inbound.Profile = tc.profile
			if v, err := w.stage().Judge(t.Context(), call); err != nil || v.Effect != gate.Continue || call.Target.Item.Digest != it.Digest {
				t.Errorf("listed %s cannot be called: %+v, %v", it.Shown, v, err)
			}
		}
	}
	if w.asked["hidden"] {
		t.Error("an upstream out of reach was contacted")
	}
}

func TestWholeSession(t *testing.T) {
	w := standard()
	ex := exchange("handshake", "")
	if v, err := w.stage().Judge(t.Context(), ex); err != nil || v.Effect != gate.Continue || !slices.Equal(ex.Target.Upstreams, []string{"a", "b", "hidden"}) {
		t.Errorf("%+v %v %v", v, err, ex.Target)
	}
	w.reach = func(string) bool { return false }
	for _, method := range []string{"handshake", "tools"} {
		ex := exchange(method, "")
		if v, err := w.stage().Judge(t.Context(), ex); err != nil || v.Effect != gate.Continue || len(ex.Target.Upstreams)+len(ex.Target.Items) != 0 {
			t.Errorf("%s for one who reaches nothing: %+v %v %v", method, v, err, ex.Target)
		}
	}
}

func TestAnswer(t *testing.T) {
	w := standard()
	w.reach = func(u string) bool { return u != "hidden" }
	for _, tc := range []struct {
		session, id string
		code        gate.Code
	}{{"s1", "7", ""}, {"s2", "7", gate.CodeAnswer}, {"s1", "9", gate.CodeAnswer}, {"s1", "8", gate.CodeAnswer}} {
		ex := exchange("answer", "")
		ex.Call.Session = &gate.Session{ID: tc.session}
		ex.Call.Message.Raw = []byte(tc.id)
		v, err := w.stage().Judge(t.Context(), ex)
		if err != nil || v.Code != tc.code {
			t.Errorf("%+v: %+v, %v", tc, v, err)
		}
		if tc.code == "" && (ex.Target.Upstream != "a" || ex.Target.Answers != "roots/list") {
			t.Errorf("got %+v", ex.Target)
		}
	}
	s := w.stage()
	if !s.Applies(routes["answer"]) || !s.Applies(routes["tools"]) || s.Applies(gate.Route{Action: gate.Empty}) {
		t.Error("Applies")
	}
}

func TestNobodyIsRefused(t *testing.T) {
	ex := exchange("tools/call", "a__read")
	ex.Principal = nil
	if v, err := standard().stage().Judge(t.Context(), ex); err != nil || v.Effect != gate.Deny {
		t.Error(v, err)
	}
	ex = exchange("tools/call", "a__read")
	ex.Call.Route = gate.Route{}
	if v, err := standard().stage().Judge(t.Context(), ex); err != nil || v.Effect != gate.Deny {
		t.Error(v, err)
	}
}
