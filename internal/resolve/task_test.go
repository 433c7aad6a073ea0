package resolve_test

import (
	"context"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/resolve"
)

// handed are the tasks that were given out, by id.
type handed map[string]gate.Task

func (h handed) Task(ex *gate.Exchange) (gate.Task, bool) {
	t, ok := h[ex.Call.Name]
	return t, ok
}

// tasked is a call on a task in an era.
func tasked(t *testing.T, version, method, capabilities, id string) *gate.Exchange {
	t.Helper()
	m, err := mcp.ParseClient([]byte(`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{"taskId":"` + id + `","notifications":{"taskIds":[]},"_meta":{"` + mcp.MetaCapabilities + `":` + capabilities + `}}}`))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := mcp.Lookup(method)
	return &gate.Exchange{ID: "e1", Principal: &gate.Principal{Subject: "me"}, Call: gate.Call{
		Route: r, Item: r.Item, Name: id, Message: m, Version: version, Era: mcp.EraOf(version),
	}}
}

func TestTask(t *testing.T) {
	t.Parallel()
	const (
		declares = `{"extensions":{"io.modelcontextprotocol/tasks":{}}}`
		noTask   = "no such task"
	)
	tasks := handed{
		"good":     {Upstream: "a", Tool: "read", ID: []byte(`"up"`)},
		"held":     {Upstream: "a", Tool: "new", ID: []byte(`"up"`)},
		"changed":  {Upstream: "a", Tool: "odd", ID: []byte(`"up"`)},
		"rejected": {Upstream: "a", Tool: "bad", ID: []byte(`"up"`)},
		"twin":     {Upstream: "a", Tool: "twin", ID: []byte(`"up"`)},
		"gone":     {Upstream: "a", Tool: "none", ID: []byte(`"up"`)},
		"prompt":   {Upstream: "a", Tool: "p", ID: []byte(`"up"`)},
		"removed":  {Upstream: "none", Tool: "read", ID: []byte(`"up"`)},
		"hidden":   {Upstream: "hidden", Tool: "read", ID: []byte(`"up"`)},
		"other":    {Upstream: "b", Tool: "read", ID: []byte(`"up"`)},
	}
	for _, tc := range []struct {
		id, profile, version, capabilities string
		code                               gate.Code
		public                             string
	}{
		{"good", "", mcp.V20251125, `{}`, "", ""},
		{"good", "plain", mcp.V20251125, `{}`, "", ""},
		{"good", "", mcp.V20260728, declares, "", ""},
		{"good", "", mcp.V20260728, `{}`, gate.CodeCapability, mcp.ExtensionTasks},
		{"good", "", mcp.V20260728, `{"tasks":{}}`, gate.CodeCapability, mcp.ExtensionTasks},
		{"unknown", "", mcp.V20251125, `{}`, gate.CodeUnknownTask, noTask},
		{"", "", mcp.V20251125, `{}`, gate.CodeUnknownTask, noTask},
		{"gone", "", mcp.V20251125, `{}`, gate.CodeUnknownTask, noTask},
		{"prompt", "", mcp.V20251125, `{}`, gate.CodeUnknownTask, noTask},
		{"removed", "", mcp.V20251125, `{}`, gate.CodeUnknownTask, noTask},
		{"hidden", "", mcp.V20251125, `{}`, gate.CodeUnknownTask, noTask},
		{"other", "plain", mcp.V20251125, `{}`, gate.CodeUnknownTask, noTask},
		{"held", "", mcp.V20251125, `{}`, gate.CodeHeldTool, `"a__new"`},
		{"changed", "", mcp.V20251125, `{}`, gate.CodeChangedTool, `"a__odd"`},
		{"rejected", "plain", mcp.V20251125, `{}`, gate.CodeRejectedTool, `"bad"`},
		{"twin", "", mcp.V20251125, `{}`, gate.CodeAmbiguousTool, ""},
	} {
		w := standard()
		w.reach = func(u string) bool { return u != "hidden" }
		ex := tasked(t, tc.version, "tasks/get", tc.capabilities, tc.id)
		ex.Inbound.Profile = tc.profile
		v, err := stageOf(w, tasks).Judge(t.Context(), ex)
		if err != nil || v.Code != tc.code || (v.Effect == gate.Continue) != (tc.code == "") || !strings.Contains(v.Public, tc.public) {
			t.Errorf("%s in %q: %+v, %v", tc.id, tc.profile, v, err)
		}
		if w.asked["hidden"] {
			t.Errorf("%s: an upstream out of reach was asked", tc.id)
		}
		if (ex.Target.Task != nil) != (tc.code == "") {
			t.Errorf("%s: resolved to %+v", tc.id, ex.Target.Task)
		}
		if it := ex.Target.Item; tc.code == "" && (it == nil || it.Path() != "a/read" || ex.Target.Upstream != "a" || string(ex.Target.Task.ID) != `"up"`) {
			t.Errorf("%s: resolved to %+v", tc.id, ex.Target)
		}
	}
}

// stageOf is the world's stage with tasks; nil for none.
func stageOf(w *world, tasks resolve.Tasks) *resolve.Stage {
	return resolve.New(resolve.Config{Catalogue: w, Reach: w, Asks: w, Tasks: tasks, Profiles: map[string]resolve.Profile{
		"": {Upstreams: []string{"a", "b", "hidden"}}, "plain": {Upstreams: []string{"a"}, Plain: true},
	}, Events: func(context.Context, gate.Event) error { return nil }})
}

func TestNoTasks(t *testing.T) {
	t.Parallel()
	v, err := stageOf(standard(), nil).Judge(t.Context(), tasked(t, mcp.V20251125, "tasks/result", `{}`, "x"))
	if err != nil || v.Code != gate.CodeUnknownTask {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestListenForTasks(t *testing.T) {
	t.Parallel()
	for capabilities, code := range map[string]gate.Code{
		`{}`: gate.CodeCapability, `{"extensions":{"io.modelcontextprotocol/tasks":{}}}`: "",
	} {
		v, err := stageOf(standard(), handed{}).Judge(t.Context(), tasked(t, mcp.V20260728, "subscriptions/listen", capabilities, "x"))
		if err != nil || v.Code != code {
			t.Errorf("%s: %+v, %v", capabilities, v, err)
		}
	}
}
